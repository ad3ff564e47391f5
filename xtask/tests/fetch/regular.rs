//! Only regular files are opened. Anything else is refused at once.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use crate::server::Server;
use crate::world::{NAMES, World, all_gz, content, gz};

const PIPE: &str = "expected a regular file, found a pipe or device; move it away";

/// Makes something that is no regular file under the second name in the world, and returns its description in the error.
type Make = fn(&World, &str) -> &'static str;

const IRREGULAR: [Make; 5] = [
    |world, name| {
        world.put_pipe(name);
        PIPE
    },
    |world, name| {
        world.put_pipe("elsewhere/pipe");
        symlink(world.path("elsewhere/pipe"), world.path(name)).unwrap();
        PIPE
    },
    |world, name| {
        symlink("/dev/zero", world.path(name)).unwrap();
        PIPE
    },
    |world, name| {
        // The name stays when the listener goes.
        UnixListener::bind(world.path(name)).unwrap();
        PIPE
    },
    |world, name| {
        std::fs::create_dir(world.path(name)).unwrap();
        "expected a regular file, found a folder; move it away"
    },
];

#[test]
fn targets() {
    for make in IRREGULAR {
        let server = Server::start(all_gz());
        let world = World::served_by(&server);
        world.put(&format!("target/{}", NAMES[0]), &content(NAMES[0]));
        let found = make(&world, &format!("target/{}", NAMES[1]));
        let run = world.run(&[]);
        let message = format!("error: {}: {found}\n", world.target(NAMES[1]).display());
        assert_eq!((run.code, &*run.stderr), (1, &*message));
        assert!(server.requests().is_empty());
        assert_eq!(world.listing().len(), 2, "{:?}", world.listing());
    }
}

#[test]
fn own_files() {
    for make in IRREGULAR {
        let world = World::new(&[]);
        for name in NAMES {
            world.put(&format!("own/{name}.gz"), &gz(&content(name)));
        }
        let found = make(&world, &format!("own/{}", NAMES[0]));
        // Another of the dataset's names is a file.
        assert_eq!(world.run(&["--from", "own"]).code, 0);
        world.assert_complete();

        std::fs::remove_file(world.path(&format!("own/{}.gz", NAMES[0]))).unwrap();
        std::fs::remove_file(world.target(NAMES[0])).unwrap();
        let run = world.run(&["--from", "own"]);
        let line = format!("\n  own: {0}: {0}: {found}\n", NAMES[0]);
        assert_eq!(run.code, 1);
        assert!(run.stderr.contains(&line), "{}", run.stderr);
    }
}

#[test]
fn own_folder() {
    let world = World::new(&[]);
    world.put_pipe("own");
    let run = world.run(&["--from", "own"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("\n  own: this is no folder\n"), "{}", run.stderr);
}

#[test]
fn noted_checksums_and_manifest() {
    let server = Server::start(all_gz());
    let world = World::served_by(&server).gated_on_gz();
    assert_eq!(world.run(&[]).code, 0);
    std::fs::remove_file(world.target("SHA256SUMS")).unwrap();
    world.put_pipe("target/SHA256SUMS");
    let message = |name: &str| format!("error: {}: {PIPE}\n", world.path(name).display());
    let run = world.run(&[]);
    assert_eq!((run.code, run.stderr), (1, message("target/SHA256SUMS")));

    let command = world.command(&[]);
    std::fs::remove_file(world.path("manifest.json")).unwrap();
    world.put_pipe("manifest.json");
    let run = World::ended(command);
    assert_eq!((run.code, run.stderr), (1, message("manifest.json")));
}

//! The target folder, `--from`, and the command line.

use crate::server::{Server, dead_url};
use crate::world::{NAMES, World, all_gz, content, gz};

#[test]
fn intact_files_are_left_alone_without_a_request() {
    let server = Server::start(all_gz());
    let world = World::served_by(&server);
    world.put_all();
    let run = world.run(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, "mnist: all 4 files are in target and intact; nothing to do\n");
    assert!(server.requests().is_empty());
}

#[test]
fn damaged_files_are_replaced_and_the_others_left() {
    let mut flipped = content(NAMES[1]);
    flipped[99] ^= 0x10;
    for (wrong, complaint) in [(flipped, "SHA-256 "), (vec![1, 2, 3], "3 bytes, expected 200023")] {
        let server = Server::start(all_gz());
        let world = World::served_by(&server);
        world.put_all();
        world.put(&format!("target/{}", NAMES[1]), &wrong);
        let run = world.run(&[]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.contains(&format!("{} is damaged ({complaint}", NAMES[1])), "{}", run.stdout);
        assert_eq!(server.requests(), [format!("{}.gz", NAMES[1])]);
        world.assert_complete();
    }
}

#[test]
fn damaged_file_stays_where_nothing_better_is_had() {
    let world = World::new(&[&dead_url()]);
    world.put_all();
    world.put(&format!("target/{}", NAMES[0]), b"half");
    assert_eq!(world.run(&[]).code, 1);
    assert_eq!(std::fs::read(world.target(NAMES[0])).unwrap(), b"half");
}

#[test]
fn from_takes_dashed_and_dotted_names_plain_and_gz() {
    let server = Server::start(all_gz());
    let world = World::served_by(&server);
    let [a, b, c, d] = NAMES;
    world.put(&format!("own/{a}"), &content(a));
    world.put("own/train-labels.idx1-ubyte", &content(b));
    world.put(&format!("own/{c}.gz"), &gz(&content(c)));
    world.put("own/t10k-labels.idx1-ubyte.gz", &gz(&content(d)));
    let run = world.run(&["--from", "own"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    world.assert_complete();
    assert!(server.requests().is_empty());
}

#[test]
fn from_passes_over_a_damaged_file_and_names_it_if_there_is_no_other() {
    let world = World::new(&[]);
    for name in NAMES {
        world.put(&format!("own/{name}"), b"not it");
    }
    let run = world.run(&["--from", "own"]);
    assert_eq!(run.code, 1);
    let line = "train-labels-idx1-ubyte: train-labels-idx1-ubyte: cut off after 6 of 200023 bytes";
    assert!(run.stderr.contains(line), "{}", run.stderr);
    assert!(world.listing().is_empty());
    for name in NAMES {
        world.put(&format!("own/{name}.gz"), &gz(&content(name)));
    }
    assert_eq!(world.run(&["--from", "own"]).code, 0);
    world.assert_complete();
}

#[test]
fn from_a_folder_that_lacks_the_files() {
    let world = World::new(&[]);
    let run = world.run(&["--from", "nowhere"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("  nowhere: there is no such folder\n"), "{}", run.stderr);
    std::fs::create_dir(world.path("empty")).unwrap();
    let run = world.run(&["--from", "empty"]);
    assert_eq!(run.code, 1);
    let line = "t10k-images-idx3-ubyte: none of t10k-images-idx3-ubyte, t10k-images.idx3-ubyte, \
                t10k-images-idx3-ubyte.gz, t10k-images.idx3-ubyte.gz is there";
    assert!(run.stderr.contains(line), "{}", run.stderr);
}

#[test]
fn plain_files_without_a_published_checksum_are_called_unverified() {
    let world = World::new(&[]).gated_on_gz();
    for name in NAMES {
        world.put(&format!("own/{name}"), &content(name));
    }
    let run = world.run(&["--from", "own"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout.matches("UNVERIFIED").count(), 4, "{}", run.stdout);
    world.assert_complete();
    let again = world.run(&[]);
    assert_eq!(again.code, 0);
    assert_eq!(again.stdout.matches("UNVERIFIED").count(), 4, "{}", again.stdout);
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn folder_that_cannot_be_made_or_written() {
    let world = World::new(&[&Server::start(all_gz()).url]);
    world.put("target", b"a file in the way");
    let run = world.run(&[]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error: the folder target cannot be made: "), "{}", run.stderr);

    let world = World::new(&[&Server::start(all_gz()).url]);
    std::fs::create_dir(world.path("target")).unwrap();
    let mut permissions = std::fs::metadata(world.path("target")).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(world.path("target"), permissions).unwrap();
    if std::fs::write(world.target("probe"), b"").is_ok() {
        eprintln!("skipped: this user may write to read-only folders");
        return;
    }
    let run = world.run(&[]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error: mnist could not be written to target: "), "{}", run.stderr);
}

#[test]
fn old_leftovers_are_swept_and_young_ones_left() {
    let world = World::new(&[&Server::start(all_gz()).url]);
    world.put("target/.fetch-old", b"x");
    world.put("target/.fetch-young", b"x");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    let file = std::fs::File::options().write(true).open(world.target(".fetch-old")).unwrap();
    file.set_modified(old).unwrap();
    assert_eq!(world.run(&[]).code, 0);
    assert_eq!(world.listing().len(), 5, "{:?}", world.listing());
    assert!(world.target(".fetch-young").exists());
}

#[test]
fn wrong_command_lines_end_with_2() {
    let world = World::new(&[]);
    let wrong: [&[&str]; 5] = [
        &["--mirror", "ftp://example.org/"],
        &["--from", "own", "--mirror", "http://example.org/"],
        &["--dataset", "emnist"],
        &["--stall-timeout", "0"],
        &["--nonsense"],
    ];
    for arguments in wrong {
        let run = world.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
}

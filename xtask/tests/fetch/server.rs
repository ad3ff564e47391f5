//! A small HTTP server on the loopback interface that misbehaves on request.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The answer to a path. Any other path is answered with 404.
#[derive(Clone)]
pub(crate) enum Reply {
    Body(Vec<u8>),
    Status(u16),
    /// Announces the whole body, sends that many bytes and closes.
    Truncated(Vec<u8>, usize),
    /// Announces no length, so that the end of the connection is the end of the body.
    Unannounced(Vec<u8>),
    /// Sends that many bytes and then nothing, with the connection open.
    Stalled(Vec<u8>, usize),
    /// Takes the request and never answers.
    Silent,
    /// Sends the first bytes, from the head on, at once, the others in pieces of so many, each after a pause.
    Dripped(Vec<u8>, Vec<u8>, usize, Duration),
}

pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(replies: HashMap<String, Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (replies, log) = (replies.clone(), Arc::clone(&log));
                thread::spawn(move || answer(stream.unwrap(), &replies, &log));
            }
        });
        Self { url, requests }
    }

    /// Paths asked for so far, without the leading slash.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A URL that refuses connections.
pub(crate) fn dead_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// Sends until all is sent, the client is gone, or a client that knows no limit has waited long enough to show it.
fn drip(stream: &mut TcpStream, bytes: &[u8], piece: usize, pause: Duration) {
    let start = Instant::now();
    for piece in bytes.chunks(piece) {
        thread::sleep(pause);
        if stream.write_all(piece).is_err() || start.elapsed() > Duration::from_secs(15) {
            return;
        }
    }
}

/// The head of a good answer.
pub(crate) fn announced(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")
}

fn answer(mut stream: TcpStream, replies: &HashMap<String, Reply>, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let path = request.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    log.lock().unwrap().push(path.clone());

    let reply = replies.get(&path).cloned().unwrap_or(Reply::Status(404));
    // The client may have gone away in the middle of an answer. That is not the test's failure.
    let mut send = |head: &str, body: &[u8]| {
        stream.write_all(head.as_bytes()).ok();
        stream.write_all(body).ok();
    };
    match reply {
        Reply::Body(body) => send(&announced(body.len()), &body),
        Reply::Status(status) => {
            send(&format!("HTTP/1.1 {status} Oops\r\nContent-Length: 5\r\n\r\n"), b"<html");
        }
        Reply::Truncated(body, count) => send(&announced(body.len()), &body[..count]),
        Reply::Unannounced(body) => send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", &body),
        Reply::Stalled(body, count) => {
            send(&announced(body.len()), &body[..count]);
            thread::sleep(Duration::from_secs(60));
        }
        Reply::Silent => thread::sleep(Duration::from_secs(60)),
        Reply::Dripped(first, others, piece, pause) => {
            send("", &first);
            drip(&mut stream, &others, piece, pause);
        }
    }
}

use std::fmt::Write;

use crate::{FormatError, NOT_COMPARED, OPTIONAL, decode, encode_into};

/// The example of `docs/checkpoint-format.md`.
fn example() -> Vec<u8> {
    let mut file = Vec::new();
    let names = [("numbers", 0), ("times", OPTIONAL | NOT_COMPARED)];
    encode_into(&mut file, &names, |index, payload| match index {
        0 => payload.put_f32s([&[0.5, -2.0][..]].into_iter()),
        _ => payload.put_value(&(3_u16, "now")),
    })
    .expect("it encodes");
    file
}

/// The bytes as `hexdump -C` prints them.
fn hexdump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (line, chunk) in bytes.chunks(16).enumerate() {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let (left, right) = hex.split_at(hex.len().min(8));
        let printable = |&byte: &u8| if byte.is_ascii_graphic() || byte == b' ' { byte as char } else { '.' };
        let shown: String = chunk.iter().map(printable).collect();
        let (left, right) = (left.join(" "), right.join(" "));
        writeln!(text, "{:08x}  {left:<23}  {right:<23}  |{shown}|", line * 16).expect("a string takes all");
    }
    writeln!(text, "{:08x}", bytes.len()).expect("a string takes all");
    text
}

const DOCUMENT: &str = include_str!("../../../../docs/checkpoint-format.md");

#[test]
fn the_documented_example_is_what_is_written() {
    let dump = hexdump(&example());
    assert!(DOCUMENT.contains(&dump), "the document should show\n{dump}");
}

#[test]
fn the_documented_example_loads() -> Result<(), FormatError> {
    let dump =
        DOCUMENT.split("```hexdump\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a dump");
    let bytes: Vec<u8> = dump
        .lines()
        .filter_map(|line| line.split_once("  ")?.1.split_once('|').map(|(hex, _)| hex))
        .flat_map(str::split_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits"))
        .collect();
    let entries = decode(&bytes)?;
    let mut parameters = [0.0; 2];
    entries.f32s("numbers", 2)?.read_into(&mut parameters)?;
    assert_eq!(parameters, [0.5, -2.0]);
    assert_eq!(entries.value::<(u16, String)>("times")?, (3, "now".to_owned()));
    let hash = format!("`{:016x}`", entries.compared_hash()?);
    assert!(DOCUMENT.contains(&hash), "the document should give its compared hash, {hash}");
    Ok(())
}

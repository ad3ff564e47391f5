//! The help, the version and wrong usage of the command.

use crate::world::World;

#[test]
fn an_unknown_instruction_set_suggests_one() {
    let run = World::empty().run("train --isa portabel");
    assert_eq!(run.code, Some(2));
    let start = "error: invalid value 'portabel' for '--isa <SET>'; possible values: ";
    assert!(run.stderr.starts_with(start), "{}", run.stderr);
    assert!(
        run.stderr.ends_with("; tip: a similar value exists: 'portable'; see `--help`"),
        "{}",
        run.stderr
    );
}

#[test]
fn help_and_version_are_no_errors() {
    let world = World::empty();
    assert!(world.run("--help").succeeded().contains("Usage: minibatch <COMMAND>"));
    assert!(world.run("train --help").succeeded().contains("--learning-rate <ETA>"));
    assert_eq!(world.run("--version").succeeded(), concat!("minibatch ", env!("CARGO_PKG_VERSION"), "\n"));
}

//! `train --dashboard` on a pseudo-terminal, and in a pipe.

use crate::terminal::Session;
use crate::world::World;
use std::process::Command;

const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --seed 5 --threads 1 --dashboard";
/// What takes the screen, and what gives it back.
const TAKEN: &str = "\x1b[?1049h";
const GIVEN_BACK: &str = "\x1b[?1049l";

/// The part of the output after the screen, which is given back once, with the cursor.
fn after_the_screen(written: &str) -> &str {
    let [_, after] = written.split(GIVEN_BACK).collect::<Vec<_>>()[..] else { panic!("{written:?}") };
    assert_eq!(written.matches(TAKEN).count(), 1);
    let cursor = written.rfind("\x1b[?25h").unwrap();
    assert!(written.rfind("\x1b[?25l").unwrap() < cursor && cursor > written.find(TAKEN).unwrap());
    after
}

#[test]
fn keys_save_change_the_picture_and_stop() {
    let world = World::new();
    let arguments =
        format!("{TRAIN} --epochs 1000000 --checkpoint run.ckpt --checkpoint-every 1000000epochs");
    let Some(mut session) = Session::start(&world, &arguments) else { return };
    session.wait_for("accuracy");
    session.press("s");
    world.wait_for("run.ckpt");
    session.press("2");
    session.wait_for("saturated");
    session.press("q");
    let (code, written) = session.ended();
    assert_eq!(code, Some(130), "{written:?}");
    let after = after_the_screen(&written);
    assert!(after.contains("/1000000  cost "), "the last epochs: {after}");
    assert!(
        after.contains("\nStopped by SIGINT at ") && after.contains("Saved run.ckpt; to go on:"),
        "{after}"
    );
    assert!(after.contains(" --dashboard"), "{after}");
    let saved = world.json("info run.ckpt");
    assert!(!saved[0]["history"].as_array().unwrap().is_empty());
}

#[test]
fn control_c_is_a_signal() {
    let world = World::new();
    let arguments = format!("{TRAIN} --epochs 1000000 --checkpoint run.ckpt");
    let Some(mut session) = Session::start(&world, &arguments) else { return };
    session.wait_for(TAKEN);
    session.press("\x03");
    let (code, written) = session.ended();
    assert_eq!(code, Some(130), "{written:?}");
    assert!(after_the_screen(&written).contains("Saved run.ckpt; to go on:"), "{written:?}");
}

#[test]
fn signals_give_the_screen_back() {
    for (signal, code) in [("TERM", 143), ("HUP", 129)] {
        let world = World::new();
        let arguments = format!("{TRAIN} --epochs 1000000 --checkpoint run.ckpt");
        let Some(session) = Session::start(&world, &arguments) else { return };
        session.wait_for(TAKEN);
        world.wait_for("run.ckpt");
        let id = std::fs::read_to_string(world.path("pid")).unwrap();
        let sent = Command::new("kill").args([&format!("-{signal}"), id.trim()]).status().unwrap();
        assert!(sent.success());
        let (ended, written) = session.ended();
        assert_eq!(ended, Some(code), "{written:?}");
        assert!(after_the_screen(&written).contains(&format!("Stopped by SIG{signal} at ")), "{written:?}");
    }
}

#[test]
fn the_screen_is_given_back_before_an_error() {
    let world = World::new();
    let arguments = format!(
        "{TRAIN} --epochs 1000000 --learning-rate 1e30 --activation relu --output-activation identity \
                             --cost mse"
    );
    let Some(session) = Session::start(&world, &arguments) else { return };
    let (code, written) = session.ended();
    assert_eq!(code, Some(1), "{written:?}");
    assert!(after_the_screen(&written).contains("error: "), "{written:?}");
}

/// The run, and the share of the time that the screen took.
#[test]
fn the_weights_are_those_without() {
    let world = World::new();
    let run = format!("{TRAIN} --epochs 40 --validation-split 0.2");
    let Some(mut session) = Session::start(&world, &format!("{run} --checkpoint run.ckpt")) else { return };
    session.press("43");
    let (code, written) = session.ended();
    assert_eq!(code, Some(0), "{written:?}");
    let after = after_the_screen(&written);
    assert!(after.contains("% of the time was spent on the screen."), "{after}");
    let plain = world.json(&run.replace(" --dashboard", ""));
    let hash = plain.last().unwrap()["weight_hash"].as_str().unwrap();
    assert!(after.contains(&format!("weight hash {hash}")), "{after}");
}

#[test]
fn in_a_pipe_there_are_lines() {
    let world = World::new();
    let run = world.run(&format!("{TRAIN} --epochs 2"));
    assert_eq!(
        (run.code, &*run.stderr_without_findings()),
        (Some(0), "note: standard output is no terminal, so --dashboard shows lines")
    );
    assert!(run.stdout.contains("epoch 2/2  cost "), "{}", run.stdout);
    let refused = world.run(&format!("{TRAIN} --json"));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("'--dashboard' cannot be used with '--json'"), "{}", refused.stderr);
}

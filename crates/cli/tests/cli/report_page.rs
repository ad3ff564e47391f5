//! The page of a run: its figures are the run's, it is whole, and a browser shows it without a complaint.

use crate::browser::Browser;
use crate::world::World;
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --seed 5";
/// A name that would be a script if it weren't escaped.
const EVIL: &str = "<script>alert(1)</script>";

/// The exact value of the figure with this name.
fn figure(page: &str, name: &str) -> f64 {
    text(page, name).parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Checks that the figure with this name is the printed number. The reader of JSON may round otherwise.
fn check(page: &str, name: &str, printed: &Value) {
    let (found, printed) = (figure(page, name), printed.as_f64().unwrap());
    assert!((found - printed).abs() <= 1e-12 * printed.abs(), "{name}: {found}, not {printed}");
}

/// The value of the figure with this name, as text.
fn text<'p>(page: &'p str, name: &str) -> &'p str {
    let start = format!("data-figure=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("no figure {name}"));
    rest.split_once('"').unwrap().0
}

/// Checks that the figures of `page` are those that the run printed.
fn check_figures(page: &str, events: &[Value]) {
    let [_, epochs @ .., end] = events else { panic!("{events:?}") };
    for epoch in epochs {
        let number = &epoch["epoch"];
        check(page, &format!("cost-training-{number}"), &epoch["cost"]);
        check(page, &format!("cost-test-{number}"), &epoch["test"]["cost"]);
        check(page, &format!("accuracy-test-{number}"), &epoch["test"]["accuracy"]);
    }
    let classes = &end["metrics"]["classes"];
    check(page, "test-accuracy", &classes["accuracy"]);
    check(page, "mean-f1", &classes["macro_mean"]["f1"]);
    assert_eq!(text(page, "weight-hash"), end["weight_hash"].as_str().unwrap());
    let seconds: f64 = epochs.iter().map(|epoch| epoch["training_seconds"].as_f64().unwrap()).sum();
    check(page, "training-seconds", &seconds.into());
    for (i, row) in classes["confusion"].as_array().unwrap().iter().enumerate() {
        for (j, count) in row.as_array().unwrap().iter().enumerate() {
            check(page, &format!("confusion-{i}-{j}"), count);
        }
        check(page, &format!("recall-{i}"), &classes["by_class"][i]["recall"]);
    }
}

/// A table of two classes, one of which has an evil name.
fn write_table(world: &World) {
    let mut table = "length,<b>width,kind\n".to_owned();
    for i in 0..120_u32 {
        let (noise, kind) = (i.wrapping_mul(2_654_435_761) >> 24, i % 2);
        let _ = writeln!(table, "{},{},{}", noise + 90 * kind, i % 7, if kind == 0 { EVIL } else { "a & b" });
    }
    fs::write(world.path("table.csv"), table).unwrap();
}

#[test]
fn the_page_has_the_figures_of_the_run_and_asks_for_nothing() {
    let world = World::new();
    let events = world.json(&format!("{TRAIN} --epochs 3 --report run.html --checkpoint run.ckpt"));
    let page = fs::read_to_string(world.path("run.html")).unwrap();
    check_figures(&page, &events);
    assert!(page.contains("<title>20-8-3 on set</title>") && page.ends_with("</html>\n"));
    assert!(page.contains("content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'"));
    assert!(!page.contains("<script") && !page.contains("url(") && !page.contains("https:"));
    assert_eq!(page.matches("http:").count(), page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    assert_eq!(page.matches("src=").count(), page.matches("src=\"data:image/png").count());
    for layer in [1, 2] {
        assert!(figure(&page, &format!("step-of-the-weights-layer-{layer}-3")) > 0.0);
    }
    assert_eq!(page.matches("alt=\"#").count(), 8, "a picture for each unit");
    assert!(page.contains("minibatch train --data=set --epochs=3 --hidden=8 --recipe=tutorial --seed=5"));
    assert!(page.len() < 300_000, "{} bytes", page.len());
    // The command on the page repeats the run.
    let (_, command) = page.split_once("<code>minibatch train").unwrap();
    let again = world.json(&format!("train{}", command.split_once("</code>").unwrap().0));
    assert_eq!(again.last().unwrap()["weight_hash"], text(&page, "weight-hash"));

    // Later, with the data and without.
    let refused = world.run("report run.ckpt --data set");
    let why = "error: run.html: expected a new name, found a file; `--output run.html` replaces it, --output FILE names another";
    assert_eq!((refused.code, &*refused.stderr), (Some(2), why));
    fs::rename(world.path("run.html"), world.path("first.html")).unwrap();
    assert_eq!(world.run("report run.ckpt --data set").succeeded(), "Wrote run.html.\n");
    let later = fs::read_to_string(world.path("run.html")).unwrap();
    check_figures(&later, &events);
    assert!(later.contains("A checkpoint doesn&#39;t record the state of the layers."));
    let run = world.run("report run.ckpt --output bare.html");
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("`minibatch report run.ckpt DATA` adds it"), "{}", run.stderr);
    let bare = fs::read_to_string(world.path("bare.html")).unwrap();
    assert!(bare.contains("<code>minibatch report run.ckpt DATA</code>") && !bare.contains("confusion-0-0"));
    assert_eq!(figure(&bare, "test-accuracy"), figure(&page, "accuracy-test-3"));
}

#[test]
fn names_of_the_user_are_text() {
    let world = World::empty();
    write_table(&world);
    let train = "train table.csv --target kind --test-split 0.25 --epochs 2 --hidden 3";
    let run = world.run(&format!("{train} --report page.html"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.ends_with("\nWrote page.html.\n"), "{}", run.stdout);
    let page = fs::read_to_string(world.path("page.html")).unwrap();
    assert!(!page.contains("<script") && !page.contains("<b>"));
    assert!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count() >= 3);
    // Of values the largest errors are told.
    world.run(&format!("{} --report values.html", train.replace("kind", "length"))).succeeded();
    let page = fs::read_to_string(world.path("values.html")).unwrap();
    assert!(page.contains("The largest errors on the test set, the worst first"));
    assert!(figure(&page, "test-rmse") > 0.0 && figure(&page, "rmse-test-2") > 0.0);
}

#[test]
fn a_resumed_run_tells_from_where_on_its_layers_are_known() {
    let world = World::new();
    world.run(&format!("{TRAIN} --epochs 2 --checkpoint run.ckpt")).succeeded();
    let arguments = "train --resume run.ckpt --data set --epochs 4 --report run.html";
    assert!(world.run(arguments).succeeded().ends_with("Wrote run.html.\n"));
    let page = fs::read_to_string(world.path("run.html")).unwrap();
    assert!(page.contains("went on with the run, and looked at the layers from epoch 3 on"));
    assert!(figure(&page, "cost-training-1") > 0.0 && figure(&page, "share-of-flat-slopes-layer-1-3") >= 0.0);
    assert!(!page.contains("share-of-flat-slopes-layer-1-2"));
    // A run that is over already has a page, too.
    world.run(arguments).succeeded();
    let page = fs::read_to_string(world.path("run.html")).unwrap();
    assert!(page.contains("No epoch has ended in the process that made this page."));
}

#[cfg(unix)]
#[test]
fn a_run_that_a_signal_stops_has_a_page_of_what_there_is() {
    let world = World::new();
    let options = "--epochs 200000 --checkpoint my.ckpt --checkpoint-every 20epochs --threads 1 --report run.html --json";
    let pipe = || std::process::Stdio::piped();
    let child = world.command(&format!("{TRAIN} {options}")).stdout(pipe()).stderr(pipe()).spawn().unwrap();
    let id = child.id().to_string();
    let end = std::thread::spawn(|| child.wait_with_output());
    world.wait_for("my.ckpt");
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let run = crate::world::Run::new(end.join().unwrap().unwrap());
    assert_eq!(run.code, Some(130), "{}", run.stderr);
    let stopped: Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
    assert!(stopped["resume"].as_str().unwrap().ends_with(" --report run.html --json"), "{stopped}");
    let page = fs::read_to_string(world.path("run.html")).unwrap();
    assert!(page.contains("<p>The run was stopped by SIGINT at "));
    assert_eq!(figure(&page, "epochs"), stopped["epochs"].as_f64().unwrap());
    assert!(figure(&page, "confusion-0-0") >= 0.0 && page.contains("minibatch verify my.ckpt --data set"));
}

#[test]
fn a_failed_run_leaves_the_page_that_was_there() {
    let world = World::new();
    fs::write(world.path("run.html"), "a page").unwrap();
    let diverging =
        "--cost mse --output-activation identity --activation relu --init he-normal --learning-rate 1e30";
    let run = world.run(&format!("train --data set --hidden 8 {diverging} --epochs 2 --report run.html"));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(fs::read_to_string(world.path("run.html")).unwrap(), "a page");
    assert!(!world.path("run.tmp").exists());
}

/// The pages that a browser is shown: a run's on pictures and those on tables.
fn pages(world: &World) -> (Vec<Value>, Vec<PathBuf>) {
    world.write_set("set");
    write_table(world);
    let events = world.json(&format!("{TRAIN} --epochs 3 --report run.html --checkpoint run.ckpt"));
    let train = "train table.csv --target kind --test-split 0.25 --epochs 2 --hidden 3";
    world.run(&format!("{train} --report classes.html"));
    world.run(&format!("{} --report values.html", train.replace("kind", "length"))).succeeded();
    world.run("report run.ckpt --output bare.html");
    let names = ["run.html", "classes.html", "values.html", "bare.html"];
    (events, names.map(|name| world.path(name)).into())
}

#[test]
fn a_browser_shows_the_figures_of_the_run() {
    let Some(browser) = Browser::find() else { return };
    let world = World::empty();
    let (events, pages) = pages(&world);
    for page in &pages {
        let visit = browser.open(page, false);
        assert_eq!(visit.console, [""; 0], "{}", page.display());
        assert!(visit.dom.contains("<main") && !visit.dom.contains("<script"), "{}", page.display());
    }
    check_figures(&browser.open(&pages[0], false).dom, &events);
}

/// Complaints of the browser are found: an error of a script, and a request that the policy forbids.
#[test]
fn a_bad_page_is_found() {
    let Some(browser) = Browser::find() else { return };
    let world = World::empty();
    for (bad, complaint) in [
        ("<script>throw new Error('oh no')</script>", "oh no"),
        (
            "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\"><img src='other.png'>",
            "Content Security Policy",
        ),
    ] {
        fs::write(world.path("bad.html"), format!("<!doctype html><title>bad</title>{bad}")).unwrap();
        let console = browser.open(&world.path("bad.html"), false).console;
        assert!(console.iter().any(|line| line.contains(complaint)), "{console:?}");
    }
}

/// What a script in the page around it finds wrong with a page: too wide a part, too little contrast, no name, wrong order of headings.
const INSPECT: &str = include_str!("inspect_page.js");

/// The page in a frame of a phone's width, with the script around it.
fn framed(world: &World, page: &str) -> PathBuf {
    let page = page.replace('&', "&amp;").replace('"', "&quot;");
    let whole = format!(
        "<!doctype html><title>frame</title><iframe width=360 height=740 style=\"border:0\" srcdoc=\"{page}\"></iframe>\
         <pre id=\"found\"></pre><script>{INSPECT}</script>"
    );
    fs::write(world.path("frame.html"), whole).unwrap();
    world.path("frame.html")
}

/// The lines that the script found.
fn found(browser: &Browser, world: &World, page: &str, is_dark: bool) -> Vec<String> {
    let visit = browser.open(&framed(world, page), is_dark);
    assert_eq!(visit.console, [""; 0]);
    let (_, rest) = visit.dom.split_once("<pre id=\"found\">").expect(&visit.dom);
    rest.split_once("</pre>").unwrap().0.lines().map(str::to_owned).collect()
}

#[test]
fn a_phone_and_a_screen_reader_have_all_of_it_in_the_light_and_in_the_dark() {
    let Some(browser) = Browser::find() else { return };
    let world = World::empty();
    let (_, pages) = pages(&world);
    for page in pages {
        let page = fs::read_to_string(page).unwrap();
        for is_dark in [false, true] {
            let scheme = if is_dark { "dark" } else { "light" };
            assert_eq!(found(&browser, &world, &page, is_dark), [format!("done in {scheme}, width 360")]);
        }
    }
    // What is wrong is found.
    let bad = "<!doctype html><h1>One</h1><h3>Three</h3><p style=\"color:#999;background:#fff\">pale</p><img src=\"data:,\">\
               <div style=\"width:500px\">wide</div><table><tr><th>name</th></tr></table>";
    let found = found(&browser, &world, bad, false).join("\n");
    for complaint in [
        "h3 after h1",
        "contrast 2.8",
        "img without alt",
        "page is 508 wide",
        "table without caption",
        "th without scope",
        "no main",
    ] {
        assert!(found.contains(complaint), "{complaint}: {found}");
    }
}

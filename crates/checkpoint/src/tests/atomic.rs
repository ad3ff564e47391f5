use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU16;
use std::path::Path;

use super::faults::{EIO, ENOSPC, EROFS, Fault, FaultyDisk, Op};
use super::{checkpoint, mark, mark_at};
use crate::shelf::Shelf;
use crate::{Error, Keep, Lock, OsDisk, Step, read_file, save};

fn shelf(path: &Path, last: u16, best: bool) -> Shelf {
    Shelf::new(Lock::acquire(path).unwrap(), Keep { last: NonZeroU16::new(last).unwrap(), best })
}

/// The marks of all files in a folder by name, without lock files. Each file must be an intact checkpoint.
fn folder(folder: &Path) -> BTreeMap<String, u64> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".lock"))
        .map(|name| (name.clone(), mark(&fs::read(folder.join(name)).unwrap())))
        .collect()
}

fn names<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    expected.map(|(name, mark)| (name.to_owned(), mark)).into()
}

#[test]
fn a_file_is_replaced_and_nothing_else_remains() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    for mark in 1..4 {
        save(&path, &checkpoint(mark)).unwrap();
        assert_eq!(folder(dir.path()), names([("run.ckpt", mark)]));
    }
    assert!(!dir.path().join("run.ckpt.lock").exists());
}

#[test]
fn the_content_is_on_disk_before_the_name_and_the_name_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    Lock::acquire(&dir.path().join("run.ckpt")).unwrap().write(&disk, &checkpoint(1)).unwrap();
    assert_eq!(disk.log(), [Op::Create, Op::Write, Op::Sync, Op::Rename, Op::SyncFolder]);
}

#[test]
fn each_step_can_fail_and_the_previous_file_survives() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    let lock = Lock::acquire(&path).unwrap();
    lock.write(&OsDisk, &checkpoint(1)).unwrap();
    let steps = [
        (Op::Create, Step::Create),
        (Op::Write, Step::Write),
        (Op::Sync, Step::Sync),
        (Op::Rename, Step::Rename),
        (Op::SyncFolder, Step::SyncFolder),
    ];
    for (op, step) in steps {
        for errno in [ENOSPC, EROFS, EIO] {
            let error = lock.write(&FaultyDisk::new(Fault::Each(op, errno)), &checkpoint(2)).unwrap_err();
            let cause = std::io::Error::from_raw_os_error(errno).to_string();
            let text = error.to_string();
            assert!(text.contains("run.ckpt") && text.contains(&cause), "{text}");
            assert!(matches!(error, Error::Io { step: found, .. } if found == step), "{text}");
            // The new checkpoint is there only after the rename.
            let expected = if op == Op::SyncFolder { 2 } else { 1 };
            assert_eq!(folder(dir.path()), names([("run.ckpt", expected)]));
        }
    }
}

#[test]
fn a_temporary_file_that_cannot_be_removed_does_not_block_the_next_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    let lock = Lock::acquire(&path).unwrap();
    // A run that is killed at the write leaves a temporary file, half written.
    lock.write(&FaultyDisk::new(Fault::KilledAt(1)), &checkpoint(1)).unwrap_err();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    lock.write(&OsDisk, &checkpoint(2)).unwrap();
    assert_eq!(folder(dir.path()), names([("run.ckpt", 2)]));
}

#[test]
fn leftovers_of_killed_runs_go_and_nothing_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let stay = [
        "run.ckpt",
        ".run.ckpt.tmp",
        ".run.ckpt.0123456789abcdeg.tmp",
        ".run.ckpt.0123456789abcde.tmp",
        ".other.run.ckpt.0123456789abcdef.tmp",
        "run.ckpt.0123456789abcdef.tmp",
    ];
    for name in stay.iter().chain(&[".run.ckpt.0123456789abcdef.tmp", ".run.ckpt.ffffffffffffffff.tmp"]) {
        fs::write(dir.path().join(name), checkpoint(1)).unwrap();
    }
    // A folder or a link whose name has that form is not ours.
    fs::create_dir(dir.path().join(".run.ckpt.00000000000000aa.tmp")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("run.ckpt", dir.path().join(".run.ckpt.00000000000000bb.tmp")).unwrap();
    let lock = Lock::acquire(&dir.path().join("run.ckpt")).unwrap();
    assert!(dir.path().join(".run.ckpt.00000000000000aa.tmp").is_dir());
    assert!(!cfg!(unix) || dir.path().join(".run.ckpt.00000000000000bb.tmp").is_symlink());
    fs::remove_dir(dir.path().join(".run.ckpt.00000000000000aa.tmp")).unwrap();
    fs::remove_file(dir.path().join(".run.ckpt.00000000000000bb.tmp")).unwrap();
    assert_eq!(folder(dir.path()), stay.map(|name| (name.to_owned(), 1)).into());
    drop(lock);
}

#[cfg(unix)]
#[test]
fn permissions_are_those_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
    fs::write(dir.path().join("plain"), b"").unwrap();
    fs::write(dir.path().join("run.ckpt"), checkpoint(0)).unwrap();
    fs::set_permissions(dir.path().join("run.ckpt"), fs::Permissions::from_mode(0o600)).unwrap();
    save(&dir.path().join("run.ckpt"), &checkpoint(1)).unwrap();
    assert_eq!(mode("run.ckpt"), mode("plain"));
}

#[test]
fn paths_that_name_no_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path(), &dir.path().join(".."), Path::new("/"), Path::new("")] {
        let error = save(path, b"").unwrap_err();
        assert!(matches!(error, Error::NotAFile { .. }), "{error}");
    }
    assert!(matches!(read_file(dir.path()).unwrap_err(), Error::NotAFile { .. }));
    let missing = dir.path().join("missing").join("run.ckpt");
    assert!(matches!(save(&missing, b"").unwrap_err(), Error::Io { step: Step::Lock, .. }));
    let text = read_file(&missing).unwrap_err().to_string();
    assert!(text.starts_with("cannot read ") && text.contains("run.ckpt: No such file"), "{text}");
}

#[test]
fn the_last_ones_and_the_best_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    let shelf = shelf(&path, 3, true);
    for (mark, is_best) in [(1, true), (2, true), (3, false), (4, false), (5, false)] {
        assert!(shelf.put_newest(&OsDisk, &checkpoint(mark), is_best).unwrap().is_none());
    }
    assert_eq!(
        folder(dir.path()),
        names([("run.ckpt", 5), ("run.ckpt.1", 4), ("run.ckpt.2", 3), ("run.best.ckpt", 2)])
    );
    shelf.put_best(&OsDisk, &checkpoint(6)).unwrap();
    assert_eq!(mark_at(&dir.path().join("run.best.ckpt")), 6);
}

#[test]
fn names_without_extension_have_best_ones_too() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = shelf(&dir.path().join("run"), 2, true);
    shelf.put_newest(&OsDisk, &checkpoint(1), true).unwrap();
    shelf.put_newest(&OsDisk, &checkpoint(2), false).unwrap();
    assert_eq!(folder(dir.path()), names([("run", 2), ("run.1", 1), ("run.best", 1)]));
}

/// Saves snapshots 1 to 3 (each with its own best) soundly and the fourth on a disk with a fault.
fn fourth_on(fault: Fault, last: u16, dir: &Path) -> (FaultyDisk, Shelf, Result<Option<Error>, Error>) {
    let shelf = shelf(&dir.join("run.ckpt"), last, true);
    for mark in 1..4 {
        assert!(shelf.put_newest(&OsDisk, &checkpoint(mark), true).unwrap().is_none());
    }
    let disk = FaultyDisk::new(fault);
    let result = shelf.put_newest(&disk, &checkpoint(4), true);
    (disk, shelf, result)
}

#[test]
fn any_one_failure_leaves_complete_files_and_the_next_snapshot_mends_all() {
    for last in 1..=4 {
        for at in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let (disk, shelf, result) = fourth_on(Fault::Nth(at, ENOSPC), last, dir.path());
            let struck = disk.log().len() > at;
            let mark = folder(dir.path())["run.ckpt"];
            match result {
                Ok(not_kept) => {
                    assert_eq!(mark, 4);
                    assert_eq!(not_kept.is_some(), struck, "last {last}, operation {at}");
                }
                Err(Error::Io { step: Step::SyncFolder, .. }) => assert_eq!(mark, 4),
                Err(_) => assert_eq!(mark, 3),
            }
            assert!(folder(dir.path()).keys().all(|name| !name.ends_with(".tmp")));
            assert!(shelf.put_newest(&OsDisk, &checkpoint(5), true).unwrap().is_none());
            let after = folder(dir.path());
            assert_eq!((after["run.ckpt"], after["run.best.ckpt"]), (5, 5));
            // No two kept copies are the same, and they descend with age.
            let kept: Vec<u64> = (1..last).map(|age| after[&format!("run.ckpt.{age}")]).collect();
            assert!(
                kept.iter().all(|&mark| mark < 5) && kept.is_sorted_by(|one, other| one > other),
                "{kept:?}"
            );
            if !struck {
                assert!(at >= 5, "the scenario must reach the disk");
                break;
            }
        }
    }
}

#[test]
fn a_kill_at_any_operation_leaves_complete_files_and_the_next_run_mends_all() {
    for last in 1..=4 {
        for at in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let (disk, first, result) = fourth_on(Fault::KilledAt(at), last, dir.path());
            let struck = disk.log().len() > at;
            assert_eq!(result.is_ok_and(|not_kept| not_kept.is_none()), !struck);
            let newest = mark_at(&dir.path().join("run.ckpt"));
            // The best on disk is never older than the newest checkpoint says.
            assert!(newest >= 3 && mark_at(&dir.path().join("run.best.ckpt")) >= newest);
            drop(first);
            let next = shelf(&dir.path().join("run.ckpt"), last, true);
            assert!(folder(dir.path()).keys().all(|name| !name.ends_with(".tmp")));
            assert!(next.put_newest(&OsDisk, &checkpoint(5), false).unwrap().is_none());
            let after = folder(dir.path());
            assert_eq!(after["run.ckpt"], 5);
            let kept: Vec<u64> = (1..last).map(|age| after[&format!("run.ckpt.{age}")]).collect();
            assert!(
                kept.iter().all(|&mark| mark < 5) && kept.is_sorted_by(|one, other| one > other),
                "{kept:?}"
            );
            assert!(last == 1 || kept[0] == newest, "the one before is kept: {kept:?}");
            if !struck {
                break;
            }
        }
    }
}

#[test]
fn without_hard_links_the_newest_is_saved_all_the_same() {
    const EPERM: i32 = 1;
    let dir = tempfile::tempdir().unwrap();
    let (_, _, result) = fourth_on(Fault::Each(Op::Link, EPERM), 2, dir.path());
    let text = result.unwrap().unwrap().to_string();
    assert!(
        text.contains("run.ckpt.1: ") && text.ends_with("the newest checkpoint itself is saved"),
        "{text}"
    );
    assert_eq!(folder(dir.path()), names([("run.ckpt", 4), ("run.ckpt.1", 2), ("run.best.ckpt", 3)]));
}

/// A folder, a link or a text at the place of an older or best checkpoint is neither moved nor replaced. The newest checkpoint is
/// saved all the same.
#[cfg(unix)]
#[test]
fn what_is_the_user_s_is_not_moved() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("thesis.txt"), "years of work").unwrap();
    let shelf = shelf(&path("run.ckpt"), 4, true);
    for mark in 1..4 {
        assert!(shelf.put_newest(&OsDisk, &checkpoint(mark), true).unwrap().is_none());
    }
    let mut mark = 3;
    for place in ["run.ckpt.1", "run.ckpt.2", "run.ckpt.3", "run.best.ckpt"] {
        let there = path(place).exists().then(|| fs::read(path(place)).unwrap());
        for case in ["a folder", "a symbolic link", "a file that is no checkpoint"] {
            let _ = fs::remove_file(path(place));
            match case {
                "a folder" => fs::create_dir(path(place)).unwrap(),
                "a symbolic link" => std::os::unix::fs::symlink("thesis.txt", path(place)).unwrap(),
                _ => fs::write(path(place), "a plan").unwrap(),
            }
            let before = fs::symlink_metadata(path(place)).unwrap();
            mark += 1;
            let not_kept = shelf.put_newest(&OsDisk, &checkpoint(mark), true).unwrap().unwrap().to_string();
            let message = format!("{place}: expected a checkpoint or nothing at all, found {case}; ");
            assert!(not_kept.contains(&message), "{not_kept}");
            assert_eq!(mark_at(&path("run.ckpt")), mark);
            let after = fs::symlink_metadata(path(place)).unwrap();
            assert_eq!(
                (before.file_type(), before.modified().unwrap()),
                (after.file_type(), after.modified().unwrap())
            );
            if case == "a folder" {
                fs::remove_dir(path(place)).unwrap();
            } else {
                fs::remove_file(path(place)).unwrap();
            }
        }
        there.into_iter().for_each(|bytes| fs::write(path(place), bytes).unwrap());
    }
    assert_eq!(fs::read(path("thesis.txt")).unwrap(), b"years of work");
    // Once the way is free, all checkpoints are kept again.
    assert!(shelf.put_newest(&OsDisk, &checkpoint(mark + 1), true).unwrap().is_none());
    assert_eq!((mark_at(&path("run.ckpt.1")), mark_at(&path("run.best.ckpt"))), (mark, mark + 1));
    assert!(fs::read_dir(dir.path()).unwrap().all(|entry| !entry.unwrap().path().ends_with(".tmp")));
}

/// Checkpoints of another run are removed with the first checkpoint of this run, and not before.
#[test]
fn what_is_superseded_goes_when_a_checkpoint_is_saved() {
    for (is_best, at) in [(false, None), (true, None), (true, Some(0)), (false, Some(2))] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.ckpt");
        let other = shelf(&path, 3, true);
        for mark in 1..4 {
            assert!(other.put_newest(&OsDisk, &checkpoint(mark), mark == 1).unwrap().is_none());
        }
        drop(other);
        let keep = Keep { last: NonZeroU16::new(3).unwrap(), best: true };
        let mut lock = Lock::acquire(&path).unwrap();
        let occupied = lock.occupied(keep).unwrap();
        let names_of = ["run.ckpt", "run.ckpt.1", "run.ckpt.2", "run.best.ckpt"];
        assert_eq!(occupied, names_of.map(|name| dir.path().join(name)));
        lock.supersede(occupied);
        let shelf = Shelf::new(lock, keep);
        let before = folder(dir.path());
        if let Some(at) = at {
            // The disk fails before the first one is saved.
            shelf.put_newest(&FaultyDisk::new(Fault::Nth(at, EIO)), &checkpoint(7), false).unwrap_err();
            assert_eq!(folder(dir.path()), before);
        }
        assert!(shelf.put_newest(&OsDisk, &checkpoint(8), is_best).unwrap().is_none());
        let expected = if is_best {
            names([("run.ckpt", 8), ("run.best.ckpt", 8)]).into_iter().collect()
        } else {
            names([("run.ckpt", 8)])
        };
        assert_eq!(folder(dir.path()), expected);
        // The checkpoints of this run stay.
        assert!(shelf.put_newest(&OsDisk, &checkpoint(9), false).unwrap().is_none());
        assert_eq!(folder(dir.path())["run.ckpt.1"], 8);
    }
}

/// A run that goes on beside checkpoints of another run keeps its own as the older one, and not theirs.
#[test]
fn older_ones_of_another_run_are_not_taken_for_this_run_s() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    for (name, mark) in [("run.ckpt", 7), ("run.ckpt.1", 1), ("run.ckpt.2", 2), ("run.best.ckpt", 3)] {
        fs::write(dir.path().join(name), checkpoint(mark)).unwrap();
    }
    let keep = Keep { last: NonZeroU16::new(3).unwrap(), best: true };
    let mut lock = Lock::acquire(&path).unwrap();
    lock.supersede(lock.occupied(keep).unwrap().split_off(1));
    let shelf = Shelf::new(lock, keep);
    assert!(shelf.put_newest(&OsDisk, &checkpoint(8), false).unwrap().is_none());
    assert_eq!(folder(dir.path()), names([("run.ckpt", 8), ("run.ckpt.1", 7)]));
    assert!(shelf.put_newest(&OsDisk, &checkpoint(9), true).unwrap().is_none());
    let all = [("run.ckpt", 9), ("run.ckpt.1", 8), ("run.ckpt.2", 7), ("run.best.ckpt", 9)];
    assert_eq!(folder(dir.path()), names(all));
}

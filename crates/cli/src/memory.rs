//! Refuses, in one line, work that takes more memory than is left.
//!
//! An allocation that fails would end the process without such a line. An allocation that succeeds, and that the system can't
//! back later, would let the system kill the process.

use crate::report::sizes;
use minibatch::{Network, Pool, Settings, footprint};
use std::fmt::Display;
use std::fs;
use std::path::Path;

/// Memory that isn't counted: the stacks of threads, and many small things.
const REST: u64 = 8 << 20;

/// Refuses `what` if it takes more than is left. `instead` says what to do about it.
pub(crate) fn check(what: impl Display, bytes: u64, instead: &str) -> Result<(), String> {
    let (bytes, left) = (bytes.saturating_add(REST), left(Path::new("/")));
    let place = match left {
        Some(left) if bytes > left => format!("the {} of memory that are left", size(left)),
        _ if footprint::is_available(bytes) => return Ok(()),
        _ => "memory".to_owned(),
    };
    Err(format!("{what}: expected to fit into {place}, found {}; {instead}", size(bytes)))
}

/// Refuses a run if training, evaluation and `besides` together take more than is left. The network itself is in memory
/// already, and isn't counted.
pub(crate) fn check_run(
    network: &Network,
    settings: &Settings,
    pool: &Pool,
    SetSizes { trained, evaluated }: SetSizes,
    besides: u64,
) -> Result<(), String> {
    // The layers are looked at once the test set has been evaluated.
    let looks = footprint::metrics(network, evaluated, pool).max(footprint::activity(network, pool));
    let bytes =
        footprint::training(network, trained, settings, pool).saturating_add(looks).saturating_add(besides);
    let what = format!("training a network {}", sizes(&network.sizes()));
    check(what, bytes, "ask for fewer neurons, or smaller minibatches")
}

/// The number of examples that a run trains on, and that of the largest set that it evaluates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetSizes {
    pub(crate) trained: usize,
    pub(crate) evaluated: usize,
}

/// A number of bytes as people read it.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        u64::MAX => "far more".to_owned(),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Bytes that this process may still take. The least of three bounds counts: the machine's free memory, the limits of the
/// control groups that the process is in, and the limits of the process itself. Linux tells them in files below `root`. On
/// other systems nothing is known.
fn left(root: &Path) -> Option<u64> {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let (status, limits) = (read("proc/self/status"), read("proc/self/limits"));
    let limit = |limit: &str, used: &str| -> Option<u64> {
        let soft = limits.lines().find_map(|line| line.strip_prefix(limit))?;
        let soft: u64 = soft.split_whitespace().next()?.parse().ok()?;
        Some(soft.saturating_sub(kibibytes(&status, used)?))
    };
    let meminfo = read("proc/meminfo");
    let swap = kibibytes(&meminfo, "SwapFree:").unwrap_or(0);
    [
        kibibytes(&meminfo, "MemAvailable:").map(|available| available.saturating_add(swap)),
        limit("Max address space", "VmSize:"),
        limit("Max data size", "VmData:"),
        group_left(root, &read("proc/self/cgroup"), swap),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// The number after a name, in bytes. The file has it in kibibytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The names of the files of a version of control groups.
struct GroupFiles {
    folder: &'static str,
    limit: &'static str,
    used: &'static str,
    /// The limit of swapped memory and its used part, if the version counts them apart from `limit` and `used`.
    swap: Option<[&'static str; 2]>,
    /// The lines of `memory.stat` for pages of files. They are used memory too, but are given up when others need memory.
    files: [&'static str; 2],
}

const VERSION_2: GroupFiles = GroupFiles {
    folder: "sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    swap: Some(["memory.swap.max", "memory.swap.current"]),
    files: ["inactive_file ", "active_file "],
};

const VERSION_1: GroupFiles = GroupFiles {
    folder: "sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    swap: None,
    files: ["total_inactive_file ", "total_active_file "],
};

/// Bytes that the process's control group, and all groups around it, leave to the process. `groups` lists its groups.
fn group_left(root: &Path, groups: &str, swap: u64) -> Option<u64> {
    let left_in = |line: &str| -> Option<u64> {
        let (_, rest) = line.split_once(':')?;
        let (controllers, group) = rest.split_once(':')?;
        let names = match controllers {
            "" => VERSION_2,
            list if list.split(',').any(|one| one == "memory") => VERSION_1,
            _ => return None,
        };
        let top = root.join(names.folder);
        // In a container, `group` may be a path of the host that doesn't exist here. The container's limit is then at the top.
        let own = top.join(group.trim_start_matches('/'));
        let around = own.ancestors().take_while(|folder| folder.starts_with(&top));
        around.filter_map(|folder| left_of(folder, &names, swap)).min()
    };
    groups.lines().filter_map(left_in).min()
}

/// Bytes that a control group leaves, its part of the machine's `swap` included. None if it has no limit.
fn left_of(folder: &Path, names: &GroupFiles, swap: u64) -> Option<u64> {
    let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
    let number = |file: &str| read(file)?.trim().parse::<u64>().ok();
    let (limit, used) = (number(names.limit)?, number(names.used)?);
    let stat = read("memory.stat").unwrap_or_default();
    let files = names
        .files
        .iter()
        .filter_map(|name| stat.lines().find_map(|line| line.strip_prefix(name))?.trim().parse::<u64>().ok());
    let own_swap = names.swap.and_then(|[limit, used]| Some(number(limit)?.saturating_sub(number(used)?)));
    let swap = own_swap.map_or(swap, |own| own.min(swap));
    Some(limit.saturating_sub(used.saturating_sub(files.sum())).saturating_add(swap))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    const MEMINFO: (&str, &str) =
        ("proc/meminfo", "MemTotal:  9000 kB\nMemAvailable:    8000 kB\nSwapFree:  1000 kB\n");
    const STATUS: (&str, &str) =
        ("proc/self/status", "VmPeak:\t  900 kB\nVmSize:\t  600 kB\nVmData:\t  200 kB\n");
    const UNLIMITED: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
                             Max data size             unlimited            unlimited            bytes     \n\
                             Max address space         unlimited            unlimited            bytes     \n";

    #[test]
    fn whatever_allows_the_least_counts() {
        assert_eq!(left(machine(&[]).path()), None, "nothing is known");
        let limits = |from: &str, to: &str| UNLIMITED.replacen(from, to, 1);
        let space = "Max address space         unlimited ";
        let data = "Max data size             unlimited ";
        let v2 = "sys/fs/cgroup/";
        for (files, kibibytes) in [
            (vec![MEMINFO], 9000),
            (vec![MEMINFO, STATUS, ("proc/self/limits", UNLIMITED)], 9000),
            (
                vec![
                    MEMINFO,
                    STATUS,
                    ("proc/self/limits", &*limits(space, "Max address space         1024000 ")),
                ],
                400,
            ),
            (vec![MEMINFO, STATUS, ("proc/self/limits", &*limits(space, "Max address space         1 "))], 0),
            (
                vec![
                    MEMINFO,
                    STATUS,
                    ("proc/self/limits", &*limits(data, "Max data size             1024000 ")),
                ],
                800,
            ),
            // A group around the process's group has the limit. Pages of files aren't in the way.
            (
                vec![
                    MEMINFO,
                    ("proc/self/cgroup", "0::/system/run\n"),
                    (&*format!("{v2}system/run/memory.max"), "max\n"),
                    (&*format!("{v2}system/run/memory.current"), "1024\n"),
                    (&*format!("{v2}system/memory.max"), "2048000\n"),
                    (&*format!("{v2}system/memory.current"), "1024000\n"),
                    (
                        &*format!("{v2}system/memory.stat"),
                        "anon 1\nfile 9\ninactive_file 307200\nactive_file 204800\n",
                    ),
                ],
                1000 + 500 + 1000,
            ),
            // A group that may use little of the swap.
            (
                vec![
                    MEMINFO,
                    ("proc/self/cgroup", "0::/\n"),
                    (&*format!("{v2}memory.max"), "1024000\n"),
                    (&*format!("{v2}memory.current"), "0\n"),
                    (&*format!("{v2}memory.swap.max"), "102400\n"),
                    (&*format!("{v2}memory.swap.current"), "51200\n"),
                ],
                1000 + 50,
            ),
            // A container's group, whose path on the host means nothing here.
            (
                vec![
                    MEMINFO,
                    ("proc/self/cgroup", "0::/docker/0123\n"),
                    (&*format!("{v2}memory.max"), "1024000\n"),
                    (&*format!("{v2}memory.current"), "512000\n"),
                ],
                500 + 1000,
            ),
            // The first version. A group without a limit has a number beyond any memory.
            (
                vec![
                    MEMINFO,
                    ("proc/self/cgroup", "3:cpu,cpuacct:/a\n2:memory:/a\n1:name=systemd:/a\n"),
                    ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n"),
                    ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "1024\n"),
                    ("sys/fs/cgroup/memory/memory.limit_in_bytes", "3072000\n"),
                    ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1024000\n"),
                    (
                        "sys/fs/cgroup/memory/memory.stat",
                        "total_inactive_file 1024000\ntotal_active_file 1024\n",
                    ),
                ],
                3000 + 1000,
            ),
        ] {
            assert_eq!(left(machine(&files).path()), Some(1024 * kibibytes), "{files:?}");
        }
    }

    #[test]
    fn sizes_read_well() {
        let sizes = [0, 1, 999_000_001, 1_000_000_000, 27_649_000_000, u64::MAX];
        assert_eq!(sizes.map(size), ["0 MB", "1 MB", "1000 MB", "1.0 GB", "27.6 GB", "far more"]);
    }
}

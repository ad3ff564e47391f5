//! The head of a record: the machine that measured, and the state of the sources.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Instruction sets worth naming, as `/proc/cpuinfo` spells them.
const FLAGS: [&str; 10] = [
    "sse4_2",
    "avx2",
    "fma",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_bf16",
    "avx512_fp16",
    "amx_bf16",
    "asimd",
];

/// The machine and the state of the sources.
#[derive(Debug)]
pub struct Machine {
    /// The day in UTC: `2026-11-23`.
    pub date: String,
    /// The processor's name.
    pub cpu: String,
    /// The number of threads that run at once.
    pub cores: usize,
    /// The processor's instruction sets, as far as they are worth naming.
    pub instruction_sets: String,
    /// The caches of the first processor.
    pub caches: String,
    /// Kernel, its release, and the architecture.
    pub system: String,
    /// The compiler's version.
    pub rustc: String,
    /// The version of the peers' Python.
    pub python: String,
    /// The commit, and whether files differ from it.
    pub commit: String,
    /// The load of the last minute, before anything was measured.
    pub load: String,
}

impl Machine {
    /// Asks the system. A property that can't be found out is `unknown`.
    pub fn ask(root: &Path) -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let flags = field(&info, "flags").or_else(|| field(&info, "Features")).unwrap_or_default();
        let has = |flag: &&str| flags.split_whitespace().any(|found| found == *flag);
        let instruction_sets: Vec<_> = FLAGS.into_iter().filter(|flag| has(flag)).collect();
        let cpu = field(&info, "model name").map(str::to_owned);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let commit = output(root, "git", &["rev-parse", "--short=12", "HEAD"]);
        let changed = output(root, "git", &["status", "--porcelain", "--untracked-files=no"]);
        let changed = if changed == UNKNOWN || changed.is_empty() { "" } else { ", with changes" };
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self {
            date: date(seconds / 86_400),
            cpu: cpu.unwrap_or_else(|| output(root, "sysctl", &["-n", "machdep.cpu.brand_string"])),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            instruction_sets: instruction_sets.join(" "),
            caches: caches(),
            system: output(root, "uname", &["-srm"]),
            rustc: output(root, "rustc", &["--version"]),
            python: output(root, "target/peers/venv/bin/python", &["--version"]),
            commit: format!("{commit}{changed}"),
            load: load.split_whitespace().next().unwrap_or(UNKNOWN).to_owned(),
        }
    }

    /// `2026-11-23-intel-xeon-processor`.
    pub fn slug(&self) -> String {
        let mut slug = self.date.clone();
        for word in self.cpu.split(|c: char| !c.is_ascii_alphanumeric()) {
            // Trade marks say nothing.
            if !word.is_empty() && !matches!(word, "R" | "TM" | "tm" | "CPU") {
                slug.push('-');
                slug.push_str(&word.to_ascii_lowercase());
            }
        }
        slug
    }
}

const UNKNOWN: &str = "unknown";

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let of = |line: &'a str| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    };
    info.lines().find_map(of)
}

/// The caches of the first processor.
fn caches() -> String {
    let read = |index: usize, name: &str| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{name}");
        std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
    };
    let one = |index| {
        let (level, kind, size) = (read(index, "level")?, read(index, "type")?, read(index, "size")?);
        (kind != "Instruction").then(|| format!("L{level} {size}"))
    };
    let all: Vec<_> = (0..5).filter_map(one).collect();
    if all.is_empty() { UNKNOWN.to_owned() } else { all.join(", ") }
}

fn output(root: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root).output();
    match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

/// The Gregorian date of a day, counted from 1970-01-01, in UTC.
fn date(day: u64) -> String {
    let (mut year, mut left) = (1970, day);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for days in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let dates = [0, 58, 59, 364, 365, 789, 11_016, 19_723, 20_780].map(date);
        let expected = [
            "1970-01-01",
            "1970-02-28",
            "1970-03-01",
            "1970-12-31",
            "1971-01-01",
            "1972-02-29",
            "2000-02-29",
            "2024-01-01",
            "2026-11-23",
        ];
        assert_eq!(dates, expected);
    }

    #[test]
    fn slug_is_a_file_name() {
        let mut machine = Machine::ask(&crate::workspace_root());
        machine.date = "2026-11-23".to_owned();
        machine.cpu = "Intel(R) Core(TM) i7-1165G7 CPU @ 2.80GHz".to_owned();
        assert_eq!(machine.slug(), "2026-11-23-intel-core-i7-1165g7-2-80ghz");
    }

    #[test]
    fn fields_of_cpuinfo() {
        let info = "processor\t: 0\nmodel name\t: A: B\nmodel name : C\n";
        assert_eq!(field(info, "model name"), Some("A: B"));
        assert_eq!(field(info, "model"), None);
    }
}

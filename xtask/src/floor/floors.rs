//! The committed floors: for each kind of cache a file, with a share of the register peak for each product and way.
//!
//! The file is CSV, to be read in a diff: `isa,threads,direction,m,n,k,strides,storage,floor`. Lines that begin with `#` name the
//! origin of the floors.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::cells::Cell;

/// The folder of the files.
const FOLDER: &str = "benches/floor/floors";

const HEADER: &str = "isa,threads,direction,m,n,k,strides,storage,floor";

/// A floor is this part of the least share that was measured when the floor was recorded.
const MARGIN: f64 = 0.85;

/// The kind of this machine's caches, such as `l1-32k-8way-l2-512k-8way`. Block sizes and packing depend on it. `None` if the
/// system doesn't tell.
pub(super) fn kind() -> Option<String> {
    let read = |index: usize, what: &str| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{what}");
        Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
    };
    let caches = (0..8).map_while(|index| {
        let level: usize = read(index, "level")?.parse().ok()?;
        let is_data = read(index, "type")? != "Instruction";
        let (size, ways) = (read(index, "size")?, read(index, "ways_of_associativity")?);
        Some((level, is_data, format!("l{level}-{}-{ways}way", size.to_ascii_lowercase())))
    });
    let mut own: Vec<_> = caches.filter(|&(level, is_data, _)| is_data && level <= 2).collect();
    own.sort();
    let names: Vec<_> = own.into_iter().map(|(_, _, name)| name).collect();
    (names.len() == 2).then(|| names.join("-"))
}

/// The file of the floors of `kind`, below `root`.
pub(super) fn path(root: &Path, kind: &str) -> PathBuf {
    root.join(FOLDER).join(format!("{kind}.csv"))
}

/// Shares of the peak by cell.
pub(super) struct Floors(HashMap<String, f64>);

impl Floors {
    /// The floors of `kind`. `None` if there are none.
    pub(super) fn read(root: &Path, kind: &str) -> Result<Option<Self>> {
        let path = path(root, kind);
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            text => Ok(Some(Self::parse(&text.with_context(|| name.clone())?, &name)?)),
        }
    }

    pub(super) fn parse(text: &str, name: &str) -> Result<Self> {
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#'));
        let header = lines.next().map(|(_, line)| line);
        ensure!(
            header == Some(HEADER),
            "{name}: expected the line `{HEADER}`; `cargo xtask floor --record` writes the file"
        );
        let mut floors = HashMap::new();
        for (number, line) in lines {
            let of = line.rsplit_once(',').and_then(|(cell, floor)| Some((cell, floor.parse::<f64>().ok()?)));
            let (cell, floor) =
                of.with_context(|| format!("{name}:{number}: expected {HEADER}, found `{line}`"))?;
            ensure!(floor > 0.0 && floor < 2.0, "{name}:{number}: a share of the peak, found {floor}");
            ensure!(
                floors.insert(cell.to_owned(), floor).is_none(),
                "{name}:{number}: `{cell}` for the second time"
            );
        }
        Ok(Self(floors))
    }

    /// The floor of `cell`.
    pub(super) fn of(&self, cell: &Cell) -> Option<f64> {
        self.0.get(&key(cell)).copied()
    }
}

/// The file's text, from the least share of each cell. `about` names the origin.
pub(super) fn text<'a>(about: &[String], shares: impl Iterator<Item = (&'a Cell, f64)>) -> String {
    let mut text: String = about.iter().map(|line| format!("# {line}\n")).collect();
    text.push_str(HEADER);
    text.push('\n');
    for (cell, share) in shares {
        // Writing into a string can't fail.
        let _ = writeln!(text, "{},{:.3}", key(cell), share * MARGIN);
    }
    text
}

fn key(cell: &Cell) -> String {
    let Cell { product, strides, storage, isa, threads } = cell;
    let (direction, strides, storage) = (product.direction.name(), strides.name(), storage.name());
    format!("{isa},{threads},{direction},{},{},{},{strides},{storage}", product.m, product.n, product.k)
}

#[cfg(test)]
mod tests {
    use super::super::cells::{Direction, Product, Storage, Strides};
    use super::*;

    fn cell(threads: usize) -> Cell {
        let product = Product { direction: Direction::Update, m: 784, n: 32, k: 16 };
        Cell { product, strides: Strides::Odd, storage: Storage::Panels, isa: "avx2".to_owned(), threads }
    }

    #[test]
    fn floors_are_read_as_written() {
        let (one, two) = (cell(1), cell(2));
        let text = text(&["made by a test".to_owned()], [(&one, 0.9), (&two, 0.5)].into_iter());
        assert_eq!(
            text,
            "# made by a test\nisa,threads,direction,m,n,k,strides,storage,floor\n\
             avx2,1,update,784,32,16,odd,panels,0.765\navx2,2,update,784,32,16,odd,panels,0.425\n"
        );
        let floors = Floors::parse(&text, "f.csv").unwrap();
        assert_eq!((floors.of(&one), floors.of(&two), floors.of(&cell(3))), (Some(0.765), Some(0.425), None));
    }

    #[test]
    fn what_is_no_floor_is_named() {
        let error = |text: &str| Floors::parse(text, "f.csv").err().unwrap().to_string();
        assert!(error("# only this\n").starts_with("f.csv: expected the line `isa,"));
        assert_eq!(error(&format!("{HEADER}\na,x\n")), format!("f.csv:2: expected {HEADER}, found `a,x`"));
        assert_eq!(error(&format!("# a\n{HEADER}\na,0.5\na,0.5\n")), "f.csv:4: `a` for the second time");
        assert_eq!(error(&format!("{HEADER}\na,0\n")), "f.csv:2: a share of the peak, found 0");
    }

    /// Every committed file can be read.
    #[test]
    fn committed_floors_are_floors() {
        let folder = xtask_tools::workspace_root().join(FOLDER);
        for file in std::fs::read_dir(folder).into_iter().flatten() {
            let path = file.unwrap().path();
            let floors =
                Floors::parse(&std::fs::read_to_string(&path).unwrap(), &path.display().to_string()).unwrap();
            assert!(floors.0.len() > 100, "{}", path.display());
        }
    }
}

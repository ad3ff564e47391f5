//! Circles of imports between the files of a crate.
//!
//! ```text
//! read each file of the crate, from its root on: modules, items, imports, paths in code
//! for each import and each path: follow it through re-exports to the item that it names
//!     an arrow from the file to that item's file
//! while there is a circle of arrows:
//!     report a shortest one, and take away the arrow in it that has the fewest names
//! ```
//!
//! 1. A file and the files of its modules are one thing: no arrow goes from a file to one above or below it.
//! 2. Tests and comments don't count.
//! 3. Method calls have no path, and so no arrow.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, ImplItemFn, Item, ItemUse, Macro, Meta, UseTree};

/// A line for each circle in the crates whose roots are among `files`. `read` has the text of a file, if there is one.
pub(super) fn find(files: &[String], read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for root in files.iter().filter(|name| !name.split('/').any(|part| part == "tests")) {
        let Some(folder) = root.strip_suffix("/lib.rs").or_else(|| root.strip_suffix("/main.rs")) else {
            continue;
        };
        let Some(text) = read(root) else { continue };
        let mut sources = Crate { read, files: Vec::new(), modules: Vec::new() };
        match sources.add_file(root, folder, &text, None) {
            Ok(_) => findings.extend(sources.circles(folder.strip_suffix("/src").unwrap_or(folder))),
            Err(error) => findings.push(error),
        }
    }
    findings
}

#[derive(Default)]
struct Module {
    file: usize,
    parent: Option<usize>,
    modules: Vec<(String, usize)>,
    items: Vec<String>,
    imports: Vec<Import>,
    /// Paths in code, one name or more.
    paths: Vec<Vec<String>>,
}

/// A leaf of a `use` declaration.
struct Import {
    /// The name that the module gets. `None` for `*`, whose path is then that of a module.
    name: Option<String>,
    path: Vec<String>,
}

/// The target of a path.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    Module(usize),
    /// An item of this module.
    Item(usize, String),
}

/// The files that each file uses, and the names that it uses of them.
type Arrows = BTreeMap<usize, BTreeMap<usize, BTreeSet<String>>>;

struct Crate<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    /// Each with its module.
    files: Vec<(String, usize)>,
    /// The first is the root.
    modules: Vec<Module>,
}

impl Crate<'_> {
    /// Adds a file whose modules are in `folder`, and returns its module.
    fn add_file(
        &mut self,
        name: &str,
        folder: &str,
        text: &str,
        parent: Option<usize>,
    ) -> Result<usize, String> {
        let parsed = syn::parse_file(text).map_err(|error| format!("{name}: {error}"))?;
        self.files.push((name.to_owned(), self.modules.len()));
        self.add_module(self.files.len() - 1, folder, &parsed.items, parent)
    }

    fn add_module(
        &mut self,
        file: usize,
        folder: &str,
        items: &[Item],
        parent: Option<usize>,
    ) -> Result<usize, String> {
        let at = self.modules.len();
        self.modules.push(Module { file, parent, ..Module::default() });
        for item in items {
            let (attributes, name) = about(item);
            if is_test(attributes) {
                continue;
            }
            let name = name.map(Ident::to_string);
            match (item, name) {
                (Item::Mod(item), Some(name)) => {
                    let below = format!("{folder}/{name}");
                    let module = match &item.content {
                        Some((_, items)) => self.add_module(file, &below, items, Some(at))?,
                        None => self.add_file_of(&below, at)?,
                    };
                    self.modules[at].modules.push((name, module));
                }
                (item, name) => {
                    self.modules[at].items.extend(name);
                    self.modules[at].visit_item(item);
                }
            }
        }
        Ok(at)
    }

    /// Adds the file of `mod x;`, where `below` ends with `/x`.
    fn add_file_of(&mut self, below: &str, parent: usize) -> Result<usize, String> {
        let names = [format!("{below}.rs"), format!("{below}/mod.rs")];
        let file = names.iter().find_map(|name| Some((name, (self.read)(name)?)));
        let (name, text) = file.ok_or_else(|| format!("neither {} nor {} is there", names[0], names[1]))?;
        self.add_file(name, below, &text, Some(parent))
    }

    /// The targets of `path` from module `at`. There are several if a name stands for a module and for an item. `seen` are the
    /// names that are being looked up, as imports may go in circles, too.
    fn resolve(&self, at: usize, path: &[String], seen: &mut Vec<(usize, String)>) -> Vec<Target> {
        let mut targets = vec![Target::Module(at)];
        for (number, name) in path.iter().enumerate() {
            let mut next = Vec::new();
            for target in targets {
                match (target, name.as_str()) {
                    (Target::Module(module), "self") => next.push(Target::Module(module)),
                    (Target::Module(_), "crate") => next.push(Target::Module(0)),
                    (Target::Module(module), "super") => {
                        next.extend(self.modules[module].parent.map(Target::Module));
                    }
                    (Target::Module(module), _) => next.extend(self.look_up(module, name, seen)),
                    // The rest names a part of the item: a variant, an associated function.
                    (item, _) => next.push(item),
                }
            }
            let is_module = |target: &Target| matches!(target, Target::Module(_));
            if number + 1 < path.len() && next.iter().any(is_module) {
                next.retain(is_module);
            }
            targets = next;
        }
        targets
    }

    fn look_up(&self, at: usize, name: &str, seen: &mut Vec<(usize, String)>) -> Vec<Target> {
        let key = (at, name.to_owned());
        if seen.contains(&key) {
            return Vec::new();
        }
        let module = &self.modules[at];
        let of_that_name = module.modules.iter().filter(|(own, _)| own == name);
        let mut found: Vec<Target> = of_that_name.map(|&(_, module)| Target::Module(module)).collect();
        if module.items.iter().any(|own| own == name) {
            found.push(Target::Item(at, name.to_owned()));
        }
        seen.push(key);
        for import in module.imports.iter().filter(|import| import.name.as_deref() == Some(name)) {
            found.extend(self.resolve(at, &import.path, seen));
        }
        if found.is_empty() {
            for import in module.imports.iter().filter(|import| import.name.is_none()) {
                for target in self.resolve(at, &import.path, seen) {
                    if let Target::Module(module) = target {
                        found.extend(self.look_up(module, name, seen));
                    }
                }
            }
        }
        seen.pop();
        found
    }

    fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (at, module) in self.modules.iter().enumerate() {
            let imports = module.imports.iter().filter(|import| import.name.is_some());
            for path in module.paths.iter().chain(imports.map(|import| &import.path)) {
                for target in self.resolve(at, path, &mut Vec::new()) {
                    let Target::Item(target, name) = target else { continue };
                    let (from, to) = (module.file, self.modules[target].file);
                    if !self.is_above(from, to) && !self.is_above(to, from) {
                        arrows.entry(from).or_default().entry(to).or_default().insert(name);
                    }
                }
            }
        }
        arrows
    }

    /// Whether they are the same file, or the module of `upper` has that of `lower` somewhere in it.
    fn is_above(&self, upper: usize, lower: usize) -> bool {
        let (upper, lower) = (self.files[upper].1, self.files[lower].1);
        std::iter::successors(Some(lower), |&module| self.modules[module].parent).any(|at| at == upper)
    }

    /// A line for each circle, with paths as they are in `folder`.
    fn circles(&self, folder: &str) -> Vec<String> {
        let mut arrows = self.arrows();
        let mut lines = Vec::new();
        while let Some(circle) = shortest_circle(&arrows) {
            let name = |file: usize| self.files[file].0[folder.len()..].trim_start_matches('/');
            let next = circle.iter().cycle().skip(1);
            let steps: Vec<(usize, usize)> = circle.iter().copied().zip(next.copied()).collect();
            let show = |&(from, to): &(usize, usize)| {
                let names = arrows[&from][&to].iter().map(String::as_str).collect::<Vec<_>>();
                format!("{} uses {} of {}", name(from), names.join(", "), name(to))
            };
            let shown = steps.iter().map(show).collect::<Vec<_>>();
            lines.push(format!("{folder}: a circle of imports: {}", shown.join("; ")));
            let weakest = steps.iter().min_by_key(|(from, to)| arrows[from][to].len());
            if let Some((from, to)) = weakest.copied() {
                arrows.entry(from).and_modify(|used| drop(used.remove(&to)));
            }
        }
        lines
    }
}

/// The files of a circle with the fewest files.
fn shortest_circle(arrows: &Arrows) -> Option<Vec<usize>> {
    arrows.keys().filter_map(|&start| circle_through(start, arrows)).min_by_key(Vec::len)
}

/// The files of a shortest circle through `start`, which comes first.
fn circle_through(start: usize, arrows: &Arrows) -> Option<Vec<usize>> {
    let mut came_from = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for &next in arrows.get(&file).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let way = std::iter::successors(Some(file), |at| came_from.get(at).copied());
                let mut circle: Vec<usize> = way.collect();
                circle.reverse();
                return Some(circle);
            }
            came_from.entry(next).or_insert_with(|| {
                queue.push_back(next);
                file
            });
        }
    }
    None
}

/// Collects imports and paths.
impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(about(item).0) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.add_imports(&item.tree, &mut Vec::new());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        visit::visit_macro(self, called);
        self.add_tokens(called.tokens.clone());
    }

    /// Documentation is `doc = "…"`, not a list.
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
        }
    }
}

impl Module {
    fn add_imports(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        let (end, name) = match tree {
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_imports(tree, path));
                return;
            }
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.add_imports(&part.tree, path);
                path.pop();
                return;
            }
            UseTree::Name(part) if part.ident == "self" => (Some(&part.ident), path.last().cloned()),
            UseTree::Name(part) => (Some(&part.ident), Some(part.ident.to_string())),
            UseTree::Rename(part) => (Some(&part.ident), Some(part.rename.to_string())),
            UseTree::Glob(_) => (None, None),
        };
        let path = path.iter().cloned().chain(end.map(Ident::to_string)).collect();
        self.imports.push(Import { name, path });
    }

    /// Adds all that looks like a path. A macro may make anything of its tokens.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons) = (Vec::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.paths.push(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.paths.push(std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        self.paths.push(path);
    }
}

/// An item's attributes, and its name.
fn about(item: &Item) -> (&[Attribute], Option<&Ident>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Impl(item) => (&item.attrs, None),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        Item::Mod(item) => (&item.attrs, Some(&item.ident)),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

/// Whether these attributes are those of a test, or of an item that only tests have.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => needs_test(list.tokens.clone()),
        _ => false,
    })
}

/// Whether a condition names `test`, but not as `not(test)`.
fn needs_test(condition: TokenStream) -> bool {
    let mut is_negated = false;
    condition.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => {
            is_negated = ident == "not";
            ident == "test"
        }
        TokenTree::Group(group) => !is_negated && needs_test(group.stream()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings in a crate `c` with these files and their texts.
    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let files: HashMap<String, &str> =
            files.iter().map(|&(name, text)| (format!("c/src/{name}"), text)).collect();
        find(&["c/src/lib.rs".to_owned()], &|name| files.get(name).map(|&text| text.to_owned()))
    }

    /// The findings in two modules `a` and `b`.
    fn between(a: &str, b: &str) -> Vec<String> {
        findings(&[("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", b)])
    }

    #[test]
    fn a_circle_is_shown_with_its_names() {
        let a = "use crate::b::{Y, nested::{self as inner, Z}}; pub struct X; fn f() { inner::f() }";
        let b = "pub struct Y; pub mod nested { pub struct Z; pub fn f(x: super::super::a::X) {} }";
        let expected =
            "c: a circle of imports: src/a.rs uses Y, Z, f of src/b.rs; src/b.rs uses X of src/a.rs";
        assert_eq!(between(a, b), [expected]);
        assert!(between(a, "pub struct Y; pub mod nested { pub struct Z; pub fn f() {} }").is_empty());
    }

    #[test]
    fn circles_are_found_until_none_is_left() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", "use crate::c::C; use crate::d::D; pub struct B;"),
            ("c.rs", "use crate::a::A; pub struct C;"),
            ("d.rs", "use crate::b::B; pub struct D;"),
        ];
        let expected = [
            "c: a circle of imports: src/b.rs uses D of src/d.rs; src/d.rs uses B of src/b.rs",
            "c: a circle of imports: src/a.rs uses B of src/b.rs; src/b.rs uses C of src/c.rs; src/c.rs uses A of src/a.rs",
        ];
        assert_eq!(findings(&files), expected);
    }

    #[test]
    fn parents_and_children_are_aside() {
        let files = [
            ("lib.rs", "mod a; use a::A; pub struct Root;"),
            ("a.rs", "mod below; pub use below::Below; use crate::Root; pub struct A;"),
            ("a/below.rs", "use super::A; use crate::Root; pub struct Below;"),
        ];
        assert!(findings(&files).is_empty());
    }

    #[test]
    fn re_exports_are_followed() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::Phase as Step;"),
            ("a/mod.rs", "mod phase; mod team; pub use phase::*; use team::Team;"),
            ("a/phase.rs", "use super::Team; pub struct Phase;"),
            ("a/team.rs", "use crate::b::Step; pub struct Team;"),
            ("b.rs", "pub use crate::Step;"),
        ];
        let expected = "c: a circle of imports: src/a/phase.rs uses Team of src/a/team.rs; \
                        src/a/team.rs uses Phase of src/a/phase.rs";
        assert_eq!(findings(&files), [expected]);
    }

    #[test]
    fn paths_in_code_count() {
        let uses_a = "pub fn g() {} fn h() { crate::a::f() }";
        for a in [
            "use crate::b; pub fn f() { b::g() }",
            "use crate::*; pub fn f() { b::g() }",
            "use crate::b::*; pub fn f() { g() }",
            "pub fn f() { use super::b as other; other::g() }",
            "pub fn f() { println!(\"{}\", [crate::b::g()]) }",
            "macro_rules! m { () => { $crate::b::g() } } pub fn f() {}",
            "#[arg(value_parser = crate::b::g)] pub fn f() {}",
        ] {
            assert_eq!(between(a, uses_a).len(), 1, "{a}");
        }
    }

    #[test]
    fn what_is_no_import_does_not_count() {
        let uses_a = "pub fn g() {} fn h() { crate::a::f() }";
        for a in [
            "use crate::b; pub fn f() {}",
            "//! `crate::b::g`\n/// [`crate::b::g`]\npub fn f() {} // crate::b::g()",
            "pub fn f() {} #[cfg(test)] mod tests { use crate::b::g; }",
            "pub fn f() {} #[cfg(all(test, unix))] use crate::b::g;",
            "pub fn f() {} #[test] fn t() { crate::b::g() }",
            "use ::b::g; use b::h; pub fn f() { other::b::g() }",
        ] {
            assert!(between(a, uses_a).is_empty(), "{a}");
        }
        let not_a_test = "pub fn f() {} #[cfg(not(test))] use crate::b::g;";
        assert_eq!(between(not_a_test, uses_a).len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(between("fn", "")[0].starts_with("c/src/a.rs: "));
        let expected = "neither c/src/a.rs nor c/src/a/mod.rs is there";
        assert_eq!(findings(&[("lib.rs", "mod a;")]), [expected]);
    }
}

//! `minibatch show`: a look at data. Pictures are drawn in a grid, and of a table the columns are summed up.

mod columns;
mod examples;

use examples::Chosen;
pub(crate) use examples::{range, values};

use crate::dataset::table::{self, Form};
use crate::dataset::{self, Looked, pictures};
use crate::draw::Target;
use crate::failure::Failure;
use crate::numbers::{Indices, count, indices};
use std::path::Path;

/// The options of `show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    data: dataset::Args,

    /// Pictures to show, evenly spaced among all
    #[arg(long, value_name = "N", default_value_t = 25, allow_negative_numbers = true, value_parser = count)]
    count: usize,

    /// Show the pictures with these indices, such as 0-24,105
    #[arg(long, value_name = "N,…", value_delimiter = ',', allow_negative_numbers = true, conflicts_with_all = ["count", "class"], value_parser = indices)]
    index: Vec<Indices>,

    /// Tell the index and the label of each picture
    #[arg(long)]
    labels: bool,

    /// Show pictures of this class alone, by its name or number
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,

    /// Show pictures of the test set, not of the training set
    #[arg(long)]
    test: bool,

    /// Draw the pictures into this file, which ends with .png or .svg, instead of the terminal
    #[arg(long, value_name = "FILE", value_parser = Target::of_pictures)]
    output: Option<Target>,

    #[command(flatten)]
    pictures: pictures::Args,

    #[command(flatten)]
    form: Form,

    /// Print one JSON object for each picture or column
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

/// Shows the data.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let chosen = match args.data.look()? {
        Looked::Table(path) => return show_columns(args, path),
        Looked::Images(named) => Chosen::of_images(args, &named),
        Looked::Arrays(path) => Chosen::of_arrays(args, path),
        Looked::Pictures(path) => Chosen::of_pictures(args, path),
    };
    if let Some(option) = args.form.first_given() {
        return Err(Failure::usage(format!("{option} is for tables; name one as DATA")));
    }
    chosen?.show(args)
}

/// Shows the columns of the table at `path`.
fn show_columns(args: &Args, path: &Path) -> Result<(), Failure> {
    let others = [
        ("--index", !args.index.is_empty()),
        ("--labels", args.labels),
        ("--class", args.class.is_some()),
        ("--test", args.test),
        ("--output", args.output.is_some()),
    ];
    let given = others.into_iter().find_map(|(option, given)| given.then_some(option));
    if let Some(option) = given.or(args.pictures.first_given()) {
        let path = path.display();
        return Err(Failure::usage(format!("{option} is for pictures, and {path} is a table; leave it out")));
    }
    columns::show(path, &table::look(path, &args.data.keys, args.form)?, args.json)
}

/// A path as a title shows it.
fn title_of(path: &Path) -> String {
    crate::report::shown(table::shown_path(path))
}

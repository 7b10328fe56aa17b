//! `lb studio`: opens the page on which films are made.

mod browser;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use lb_models::Repository;
use lb_studio::{Studio, StudioError, StudioOptions, sign_in_page};

use crate::cache::CacheArguments;
use crate::error::CommandError;
use crate::interrupt;
use crate::machine::{self, BUNDLED_MODEL, MachineArguments};
use crate::print;
use crate::surroundings::Surroundings;

/// Where the studio is, and who can reach it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StudioArguments {
    /// Port of the page; 0 takes any that is free.
    #[arg(long, value_name = "N", default_value_t = StudioOptions::PORT)]
    port: u16,
    /// Folder of the projects [default: lb/projects in the user's data folder, or lb/demo with --demo].
    #[arg(long, value_name = "DIR")]
    projects: Option<PathBuf>,
    /// Do not open the page in a browser.
    #[arg(long)]
    no_browser: bool,
    /// Address on which the page is served; 0.0.0.0 lets other machines reach it.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1",
        help_heading = "Network"
    )]
    address: IpAddr,
    /// Other name under which browsers reach this machine. It may be given several times.
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    host: Vec<String>,
    /// Browsers reach the page by HTTPS, through a server in front of it.
    #[arg(long, help_heading = "Network")]
    behind_tls: bool,
    /// Site that shows the demonstration in a frame on its pages, such as `https://huggingface.co`.
    #[arg(
        long,
        value_name = "SITE",
        requires = "demo",
        requires = "behind_tls",
        help_heading = "Network"
    )]
    embed_in: Option<String>,
    /// Let everybody in, each with projects of their own: sizes and the queue are limited, and work is
    /// deleted after an hour.
    #[arg(long, help_heading = "Network")]
    demo: bool,
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    cache: CacheArguments,
}

const EXAMPLES: &str = "Examples:
  lb studio
  lb studio --projects films --port 8000
  lb studio --address 0.0.0.0 --host studio.example --behind-tls --demo";

pub(crate) fn run(
    arguments: &StudioArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let options = options(arguments, surroundings)?;
    let projects = options.projects.clone();
    let home = surroundings.home.as_deref();
    let studio = match Studio::open(options) {
        Err(StudioError::Busy {
            url: Some(url),
            folder,
        }) => {
            if !quiet {
                let folder = folder.display();
                errln!("lb studio works with {folder} already; its page is at");
            }
            outln!("{url}");
            open(arguments, &folder, &url, home);
            return Ok(());
        }
        opened => opened.map_err(failed)?,
    };
    let listener = studio.listen().map_err(failed)?;
    let url = studio.url(&listener).map_err(failed)?;
    interrupt::listen()?;
    let is_local = arguments.address.is_loopback();
    if !is_local && !arguments.behind_tls && !quiet {
        print::warning(
            "other machines can reach this page, and what it sends is not encrypted: whoever can listen \
             on the network sees the films, and can act in your name",
        );
    }
    outln!("{url}");
    print::finish().map_err(|error| CommandError::write("standard output", error))?;
    open(arguments, &projects, &url, home);
    studio.serve(listener, interrupt::asked).map_err(failed)
}

fn options(
    arguments: &StudioArguments,
    surroundings: &Surroundings,
) -> Result<StudioOptions, CommandError> {
    let mut usual = surroundings.projects.clone();
    if arguments.demo {
        // Visitors do not work beside the films of the person whose machine this is.
        usual = usual.map(|projects| projects.with_file_name("demo"));
    }
    let named = arguments.projects.clone().or(usual);
    let Some(projects) = named else {
        return Err(CommandError::Request {
            message: "there is no folder for the projects".into(),
            hint: Some("name one with --projects DIR"),
        });
    };
    let runtime = machine::runtime(surroundings)?;
    let mut options = StudioOptions::new(projects, runtime);
    options.model_folders = surroundings.model_folders.clone();
    let default_model = surroundings.default_model.clone();
    let default_model = default_model.filter(|name| is_name(name));
    options.default_model = default_model.unwrap_or_else(|| BUNDLED_MODEL.to_owned());
    options.pipeline = arguments.machine.pipeline_options(surroundings)?;
    options.rates = surroundings.rates.clone();
    options.cache = arguments.cache.cache(surroundings)?;
    options.address = SocketAddr::new(arguments.address, arguments.port);
    options.host_names = arguments.host.clone();
    options.is_behind_tls = arguments.behind_tls;
    options.embedded_in = arguments.embed_in.clone();
    options.demo = arguments.demo;
    Ok(options)
}

/// Whether this is the name of a model, which may be one of a repository, rather than its path.
fn is_name(model: &str) -> bool {
    let is_repository = model.parse::<Repository>().is_ok() && !Path::new(model).is_dir();
    is_repository || !model.contains(['/', '\\'])
}

/// Opens the page in a browser. Without one, the user still has the address. The token is not an argument of the
/// browser, because other users of the machine can read those.
fn open(arguments: &StudioArguments, projects: &Path, url: &str, home: Option<&Path>) {
    if arguments.no_browser {
        return;
    }
    let opened = match arguments.demo {
        true => open::that_detached(url),
        false => {
            let confined = browser::folder_if_confined(home);
            sign_in_page(projects, url, confined.as_deref()).and_then(open::that_detached)
        }
    };
    if let Err(error) = opened {
        tracing::info!("no browser could be opened: {error}");
    }
}

fn failed(error: StudioError) -> CommandError {
    match error {
        StudioError::EmbeddedIn { .. } => CommandError::request(error.to_string()),
        StudioError::Address { .. } => CommandError::Failure {
            message: error.to_string(),
            hint: Some("choose another port with --port N, or any that is free with --port 0"),
        },
        error => CommandError::failure(error.to_string()),
    }
}

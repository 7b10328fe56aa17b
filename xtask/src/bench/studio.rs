//! What `lb studio` costs beside a render: the pictures that it keeps, and a hundred readers of its events; and how
//! soon a film begins with a warm model.
//!
//! Processor time is measured, thread by thread, so that other programs on the machine hardly matter. It is read from
//! `/proc`, so this needs Linux.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{Bench, median};

const READERS: usize = 100;
const ROUNDS: usize = 5;

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let mut studio = Studio::start(bench)?;
    let measured = measure(&studio);
    studio.program.kill()?;
    studio.program.wait()?;
    measured
}

fn measure(studio: &Studio) -> Result<()> {
    studio.film(0, 0)?;
    let (mut pictures, mut server, mut readers, mut starts) = (vec![], vec![], vec![], vec![]);
    for round in 1..=ROUNDS {
        let alone = studio.film(2 * round, 0)?;
        let watched = studio.film(2 * round + 1, READERS)?;
        pictures.push(alone.share("studio pictures"));
        server.push(alone.share("tokio"));
        readers.push(watched.share("tokio"));
        println!(
            "round {round}: pictures {:.2} %, server {:.2} %, with {READERS} readers {:.2} %, of {:.1} s",
            100.0 * alone.share("studio pictures"),
            100.0 * alone.share("tokio"),
            100.0 * watched.share("tokio"),
            alone.total,
        );
        // A hundred readers hear of it later, all at once.
        starts.push([alone.computes, alone.first_step]);
    }
    let percent = |shares: &[f64]| format!("{:.2} %", 100.0 * median(shares));
    println!("\n| beside the render | share of its processor time |\n|---|---|");
    println!("| keeping pictures | {} |", percent(&pictures));
    println!("| server with one reader | {} |", percent(&server));
    println!(
        "| server with {READERS} readers more | {} |",
        percent(&readers)
    );
    println!(
        "\n| from the request, with a warm model, until | median | least | most |\n|---|---|---|---|"
    );
    for (at, until) in ["the model computes", "its first step is computed"]
        .into_iter()
        .enumerate()
    {
        let seconds: Vec<f64> = starts.iter().map(|start| start[at]).collect();
        let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = seconds.iter().copied().fold(0.0, f64::max);
        let [middle, least, most] =
            [median(&seconds), least, most].map(|seconds| format!("{:.0} ms", 1e3 * seconds));
        println!("| {until} | {middle} | {least} | {most} |");
    }
    Ok(())
}

/// A program that serves an empty folder, and a client that is signed in.
struct Studio {
    program: Child,
    host: String,
    cookie: String,
}

/// What a film cost.
struct Cost {
    /// Seconds of the processor, by the names of threads. Those of threads that have ended are missing.
    threads: BTreeMap<String, f64>,
    /// Seconds of the processor of the whole program.
    total: f64,
    /// Seconds from the request until the model computes.
    computes: f64,
    /// Seconds from the request until the first step is computed.
    first_step: f64,
}

impl Cost {
    fn of(&self, name: &str) -> f64 {
        let threads = self.threads.iter();
        let found = threads.filter(|(thread, _)| thread.starts_with(name));
        found.map(|(_, seconds)| seconds).sum()
    }

    /// The share of these threads in what the render itself takes.
    fn share(&self, name: &str) -> f64 {
        let render = self.total - self.of("studio pictures") - self.of("tokio");
        self.of(name) / render
    }
}

impl Studio {
    fn start(bench: &Bench<'_>) -> Result<Self> {
        let folder = bench.scratch.path().join("studio");
        let mut command = bench.lb("studio");
        command.args(["--no-browser", "--port", "0", "--threads", "1"]);
        command.arg("--projects").arg(&folder);
        command.arg("--cache-dir").arg(folder.join("cache"));
        let mut program = command.stdout(Stdio::piped()).spawn()?;
        let output = program.stdout.take().context("standard output is piped")?;
        let mut url = String::new();
        BufReader::new(output).read_line(&mut url)?;
        let (home, query) = url
            .trim()
            .split_once("/?")
            .context("no address was printed")?;
        let host = home.trim_start_matches("http://").to_owned();
        let mut studio = Self {
            program,
            host,
            cookie: String::new(),
        };
        let (headers, _) = studio.send("GET", &format!("/?{query}"), "")?;
        let mut lines = headers.lines();
        let cookie = lines.find_map(|line| line.strip_prefix("set-cookie: "));
        let cookie = cookie.context("the address sets no cookie")?;
        studio.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(studio)
    }

    fn connect(&self, request: &str, version: &str, body: &str) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.host)?;
        write!(
            stream,
            "{request} HTTP/{version}\r\nHost: {}\r\nCookie: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.host,
            self.cookie,
            body.len()
        )?;
        Ok(stream)
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Result<(String, String)> {
        let mut answer = String::new();
        let mut stream = self.connect(&format!("{method} {path}"), "1.0", body)?;
        stream.read_to_string(&mut answer)?;
        let (headers, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        Ok((headers.to_owned(), body.to_owned()))
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let (headers, body) = self.send(method, path, &body.to_string())?;
        ensure!(headers.contains(" 20"), "{headers}\n{body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// Renders a film, of other seeds for each number, while this number of readers listens, and one that looks at the time.
    fn film(&self, number: usize, readers: usize) -> Result<Cost> {
        let seeds = (0..3).map(|at| 1000 + 10 * number + at);
        let prompts = ["a red apple", "a green pear", "an owl"]
            .into_iter()
            .zip(seeds);
        let keyframes = prompts.map(|(prompt, seed)| json!({ "prompt": prompt, "seed": seed }));
        let keyframes: Vec<Value> = keyframes.collect();
        let job = json!({ "defaults": { "seconds": 2, "quality": "high" }, "keyframe": keyframes });
        let project = self.json("POST", "/api/projects", &json!({ "job": job }))?;
        let mut streams = Vec::new();
        for _ in 0..readers {
            streams.push(self.connect("GET /api/events", "1.1", "")?);
        }
        let readers: Vec<_> = streams.iter().map(TcpStream::try_clone).collect();
        for reader in readers {
            let mut reader = reader?;
            spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        }
        let events = self.connect("GET /api/events", "1.1", "")?;
        let mut events = BufReader::new(events).lines();
        // Everything that the requests before have caused is over.
        sleep(Duration::from_millis(500));
        let (before, total) = (self.threads()?, self.total()?);
        let began = Instant::now();
        let act = json!({ "kind": "film", "format": "mp4" });
        let task = json!({ "project": project["id"], "act": act });
        let task = self.json("POST", "/api/tasks", &task)?;
        let task = task["id"].as_str().context("a task has an id")?.to_owned();
        let (mut computes, mut first_step) = (None, None);
        loop {
            let line = events.next().context("the stream of events has ended")??;
            if line == "event: step" {
                first_step.get_or_insert_with(|| began.elapsed().as_secs_f64());
            }
            let is_about =
                line.starts_with("data: ") && line.contains(&format!("\"id\":\"{task}\""));
            if is_about && line.contains("\"phase\":\"keyframes\"") {
                computes.get_or_insert_with(|| began.elapsed().as_secs_f64());
            }
            if is_about && line.contains("\"state\":\"failed\"") {
                bail!("{line}");
            }
            if is_about && line.contains("\"state\":\"done\"") {
                break;
            }
        }
        let (after, total) = (self.threads()?, self.total()? - total);
        for stream in streams {
            stream.shutdown(std::net::Shutdown::Both)?;
        }
        let threads = after.into_iter().map(|(name, seconds)| {
            let before = before.get(&name).copied().unwrap_or_default();
            (name, seconds - before)
        });
        Ok(Cost {
            threads: threads.collect(),
            total,
            computes: computes.context("no event said that the model computes")?,
            first_step: first_step.context("no event told of a step")?,
        })
    }

    /// The processor time of the whole program in seconds.
    fn total(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.program.id()))?;
        let (_, fields) = text.rsplit_once(") ").context("the line has a name")?;
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: u64 = ticks.map(|ticks| ticks.parse().unwrap_or(0)).sum();
        // Linux counts a hundred of them a second, whatever its own clock does.
        Ok(ticks as f64 / 100.0)
    }

    /// The processor time of every thread in seconds.
    fn threads(&self) -> Result<BTreeMap<String, f64>> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{}/task", self.program.id()))? {
            let folder = entry?.path();
            let read = |name: &str| fs::read_to_string(folder.join(name));
            // A thread may end meanwhile.
            let (Ok(name), Ok(times)) = (read("comm"), read("schedstat")) else {
                continue;
            };
            let nanoseconds = times.split(' ').next().unwrap_or_default();
            let seconds = nanoseconds.parse::<f64>()? / 1e9;
            *threads.entry(name.trim().to_owned()).or_default() += seconds;
        }
        Ok(threads)
    }
}

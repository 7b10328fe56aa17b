//! For tests of this crate and of those above it (feature `testing`): a hub on this machine, which can be
//! told to misbehave.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The commit of every repository.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The longest time for which a stalled answer keeps its connection.
const LONGEST_STALL: Duration = Duration::from_secs(60);

/// A server with repositories, on a free port of the loopback address. It ends with the process.
#[derive(Debug)]
pub struct LoopbackHub {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Told when an answer has to wait.
    stalled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    repositories: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    manners: Manners,
    requests: Vec<Asked>,
    stalls: usize,
}

/// How the server behaves. By default it does everything right.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// Only this token is let in.
    pub token: Option<String>,
    /// After how many bytes each of the next answers with a file's content breaks off.
    pub breaks: VecDeque<usize>,
    /// After how many bytes of a file's content nothing more is sent.
    pub stall_after: Option<usize>,
    /// Another server, to which requests for contents are sent on, as `http://HOST:PORT`.
    pub contents_at: Option<String>,
    /// Contents have one wrong byte.
    pub lies: bool,
    /// Parts of files are not sent, always the whole.
    pub ignores_ranges: bool,
    /// The commit of every repository, if it is not [`COMMIT`].
    pub commit: Option<String>,
    /// The statuses of the next answers.
    pub statuses: VecDeque<u16>,
}

/// A request that was received.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method: `GET`, or `HEAD`, with which Python asks for a file's hash.
    pub method: String,
    /// The path, with what follows a question mark.
    pub path: String,
    /// Headers by their names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl LoopbackHub {
    /// Starts a server.
    ///
    /// # Errors
    /// Those of the system, if there is no port.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let for_answers = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&for_answers);
                thread::spawn(move || {
                    let _broken = shared.answer(&connection);
                });
            }
        });
        Ok(Self { address, shared })
    }

    /// The server's address by number.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same address under another host name.
    #[must_use]
    pub fn endpoint_by_name(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// Adds a file to a repository.
    pub fn add(&self, repository: &str, path: &str, content: impl Into<Vec<u8>>) {
        let mut state = self.shared.state();
        let files = state.repositories.entry(repository.into()).or_default();
        files.insert(path.into(), content.into());
    }

    /// Adds all files of a folder to a repository.
    ///
    /// # Errors
    /// Those of reading the folder.
    pub fn add_folder(&self, repository: &str, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_file() {
                self.add(repository, &name, read(&path)?);
                continue;
            }
            for entry in fs::read_dir(&path)? {
                let path = entry?.path();
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                self.add(repository, &format!("{name}/{file}"), read(&path)?);
            }
        }
        Ok(())
    }

    /// Changes how the server behaves.
    pub fn behave(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.shared.state().manners);
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Asked> {
        self.shared.state().requests.clone()
    }

    /// Waits until an answer has stalled. Returns whether one has, within a minute.
    #[must_use]
    pub fn wait_for_stall(&self) -> bool {
        let waited =
            self.shared
                .stalled
                .wait_timeout_while(self.shared.state(), LONGEST_STALL, |state| {
                    state.stalls == 0
                });
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.stalls > 0
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, connection: &TcpStream) -> io::Result<()> {
        let asked = read_request(connection)?;
        let (manners, status) = {
            let mut state = self.state();
            state.requests.push(asked.clone());
            let status = state.manners.statuses.pop_front();
            (state.manners.clone(), status)
        };
        if let Some(status) = status {
            return reply(connection, status, &[("Retry-After", "0")], b"");
        }
        let authorization = asked.headers.get("authorization");
        let expected = manners.token.map(|token| format!("Bearer {token}"));
        if expected.is_some() && authorization != expected.as_ref() {
            return reply(connection, 401, &[], b"");
        }
        if let Some(repository) = asked.path.strip_prefix("/api/models/") {
            let state = self.state();
            let listing = match repository.split_once("/tree/") {
                Some((repository, _)) => state.tree(repository),
                None => {
                    let repository = repository.split("/revision/").next();
                    state.listing(repository.unwrap_or_default())
                }
            };
            let json = [("Content-Type", "application/json")];
            return match listing {
                Some(listing) => reply(connection, 200, &json, listing.as_bytes()),
                None => reply(connection, 404, &[], b""),
            };
        }
        let parts = asked.path[1..].split_once("/resolve/");
        let content = parts.and_then(|(repository, rest)| {
            let (_, path) = rest.split_once('/')?;
            let state = self.state();
            state.repositories.get(repository)?.get(path).cloned()
        });
        let Some(mut content) = content else {
            return reply(connection, 404, &[], b"");
        };
        if asked.method == "HEAD" {
            let commit = manners.commit.as_deref().unwrap_or(COMMIT);
            return describe(connection, &asked.path, commit, &content);
        }
        if let Some(other) = manners.contents_at {
            let location = format!("{other}{}", asked.path);
            return reply(connection, 302, &[("Location", &location)], b"");
        }
        if let Some(last) = content.last_mut().filter(|_| manners.lies) {
            *last ^= 1;
        }
        self.send(connection, &asked, &content, manners.ignores_ranges)
    }

    /// Sends a file's content, or the part of it that was asked for.
    fn send(
        &self,
        mut connection: &TcpStream,
        asked: &Asked,
        content: &[u8],
        is_whole: bool,
    ) -> io::Result<()> {
        let range = asked.headers.get("range").filter(|_| !is_whole);
        let first = range.and_then(|range| {
            let first = range.strip_prefix("bytes=")?.strip_suffix('-')?;
            first.parse::<usize>().ok()
        });
        let length = content.len();
        let (status, range) = match first {
            Some(first) if first >= length => return reply(connection, 416, &[], b""),
            Some(first) => {
                let range = format!("Content-Range: bytes {first}-{}/{length}\r\n", length - 1);
                (206, range)
            }
            None => (200, String::new()),
        };
        let content = &content[first.unwrap_or(0)..];
        write!(
            connection,
            "HTTP/1.1 {status} OK\r\nContent-Length: {}\r\n{range}Connection: close\r\n\r\n",
            content.len()
        )?;
        let (cut, stall) = {
            let mut state = self.state();
            let stall = state
                .manners
                .stall_after
                .filter(|after| *after < content.len());
            (state.manners.breaks.pop_front(), stall)
        };
        if let Some(after) = stall {
            connection.write_all(&content[..after])?;
            self.state().stalls += 1;
            self.stalled.notify_all();
            thread::sleep(LONGEST_STALL);
            return Ok(());
        }
        let end = cut.unwrap_or(content.len()).min(content.len());
        connection.write_all(&content[..end])
    }
}

impl State {
    fn listing(&self, repository: &str) -> Option<String> {
        let mut siblings = Vec::new();
        for (path, content) in self.repositories.get(repository)? {
            let large = match is_large(path) {
                true => serde_json::json!({
                    "sha256": digits(&Sha256::digest(content)),
                    "size": content.len(),
                    "pointerSize": 134,
                }),
                false => serde_json::Value::Null,
            };
            siblings.push(serde_json::json!({
                "rfilename": path, "blobId": git_hash(content), "size": content.len(), "lfs": large,
            }));
        }
        let tags = ["diffusers", "license:openrail++"];
        let answer = serde_json::json!({
            "id": repository,
            "sha": self.manners.commit.as_deref().unwrap_or(COMMIT),
            "tags": tags,
            "siblings": siblings,
        });
        Some(answer.to_string())
    }

    /// The files as Python's library asks for them, which lists them by folders.
    fn tree(&self, repository: &str) -> Option<String> {
        let files = self.repositories.get(repository)?.iter();
        let files = files.map(|(path, content)| {
            let mut file = serde_json::json!({
                "type": "file", "path": path, "size": content.len(), "oid": git_hash(content),
            });
            if is_large(path) {
                file["lfs"] = serde_json::json!({
                    "oid": digits(&Sha256::digest(content)),
                    "size": content.len(),
                    "pointerSize": 134,
                });
            }
            file
        });
        Some(serde_json::Value::from_iter(files).to_string())
    }
}

/// Whether a hub keeps the file outside of git.
fn is_large(path: &str) -> bool {
    let endings = [".safetensors", ".bin", ".ckpt"];
    endings.iter().any(|ending| path.ends_with(ending))
}

/// What git calls a file of this content.
fn git_hash(content: &[u8]) -> String {
    let blob = Sha1::new_with_prefix(format!("blob {}\0", content.len()));
    digits(&blob.chain_update(content).finalize())
}

/// Answers the question for a file's commit, size and hash.
fn describe(
    mut connection: &TcpStream,
    path: &str,
    commit: &str,
    content: &[u8],
) -> io::Result<()> {
    let hash = match is_large(path) {
        true => digits(&Sha256::digest(content)),
        false => git_hash(content),
    };
    write!(
        connection,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: \"{hash}\"\r\nX-Repo-Commit: {commit}\r\n\
         Connection: close\r\n\r\n",
        content.len()
    )
}

/// The most bytes of a file that the hub takes from a folder.
const LARGEST_FILE: u64 = 1 << 30;

fn read(path: &Path) -> io::Result<Vec<u8>> {
    lb_files::read(path, LARGEST_FILE).map_err(io::Error::other)
}

fn digits(hash: &[u8]) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

fn read_request(connection: &TcpStream) -> io::Result<Asked> {
    let mut lines = BufReader::new(connection).lines();
    let mut next = || lines.next().unwrap_or_else(|| Ok(String::new()));
    let first = next()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next(), words.next());
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = next()?.split_once(':') {
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Ok(Asked {
        method: method.unwrap_or_default(),
        path: path.unwrap_or_else(|| "/".into()),
        headers,
    })
}

fn reply(
    mut connection: &TcpStream,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    for (name, value) in headers {
        let _never_fails = write!(head, "{name}: {value}\r\n");
    }
    connection.write_all(head.as_bytes())?;
    connection.write_all(b"\r\n")?;
    connection.write_all(body)
}

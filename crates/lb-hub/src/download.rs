//! One file of a repository into the cache: from where the last try ended, and checked before it gets its
//! name.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::cache::RepositoryHome;
use crate::error::HubError;
use crate::hub::Hub;
use crate::listing::{FileHash, Listing, RemoteFile};
use crate::request::{Answer, Arrival, Failure, Request};

/// How many bytes are read at once.
const BUFFER: usize = 1 << 18;
/// How long to wait for whoever downloads the same file before looking again.
const OTHERS: Duration = Duration::from_millis(200);
/// The longest time for which a server can make us wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Called with the number of bytes of the file that are there.
pub(crate) type Observe<'a> = dyn FnMut(u64) -> Result<(), HubError> + 'a;

/// Brings a file into the cache, if it is not there.
pub(crate) fn download(
    hub: &Hub,
    home: &RepositoryHome,
    listing: &Listing,
    file: &RemoteFile,
    observe: &mut Observe<'_>,
) -> Result<(), HubError> {
    if home.has(file) {
        return observe(file.bytes);
    }
    // Whoever holds the lock may be downloading the same file.
    let lock = home.lock_file(file.hash.digits())?;
    // Some file systems have no locks: then nobody else is waited for.
    while let Err(TryLockError::WouldBlock) = lock.try_lock() {
        observe(0)?;
        thread::sleep(OTHERS);
    }
    if home.has(file) {
        return observe(file.bytes);
    }
    let blob = home.blob(file.hash.digits());
    let incomplete = home.incomplete(file.hash.digits());
    let had = fs::symlink_metadata(&incomplete).is_ok_and(|there| there.len() > 0);
    let mut partial = Partial::open(&incomplete, file, observe)?;
    fill(hub, listing, file, &mut partial, observe)?;
    let mut found = partial.hasher.digits();
    if had && found != file.hash.digits() {
        // What an earlier try has left may be damaged.
        partial.restart()?;
        fill(hub, listing, file, &mut partial, observe)?;
        found = partial.hasher.digits();
    }
    if found != file.hash.digits() {
        drop(partial);
        let _gone = fs::remove_file(&incomplete);
        return Err(HubError::WrongHash {
            path: file.path.clone(),
            listed: file.hash.digits().into(),
            found,
        });
    }
    partial.file.sync_all().map_err(partial.full(file))?;
    drop(partial);
    fs::rename(&incomplete, &blob).map_err(HubError::io("named", &blob))
}

/// Asks for the missing bytes until none is missing. Tries that bring nothing are counted.
fn fill(
    hub: &Hub,
    listing: &Listing,
    file: &RemoteFile,
    partial: &mut Partial<'_>,
    observe: &mut Observe<'_>,
) -> Result<(), HubError> {
    let mut fruitless = 0;
    while partial.length < file.bytes {
        let before = partial.length;
        let request = Request {
            skip: partial.length,
            ..hub.request_of(listing, file)
        };
        let Err(failure) = receive(&Answer::to(&hub.agent, request), file, partial, observe)?
        else {
            continue;
        };
        fruitless = match partial.length > before {
            true => 0,
            false => fruitless + 1,
        };
        if !failure.may_pass() || fruitless >= hub.options.tries {
            return Err(hub.failure(failure, &listing.repository, Some(&file.path)));
        }
        let wait = wait_before(fruitless, &failure, hub.options.pause);
        pause(wait, &mut || observe(partial.length))?;
    }
    Ok(())
}

/// Waits, and asks now and then whether to go on.
pub(crate) fn pause(
    wait: Duration,
    observe: &mut dyn FnMut() -> Result<(), HubError>,
) -> Result<(), HubError> {
    let until = Instant::now() + wait;
    while Instant::now() < until {
        observe()?;
        thread::sleep(OTHERS.min(wait));
    }
    Ok(())
}

/// Doubles with each fruitless try, or is what the server asks for.
pub(crate) fn wait_before(fruitless: u32, failure: &Failure, pause: Duration) -> Duration {
    let asked = match failure {
        Failure::Status { retry_after, .. } => retry_after.map(Duration::from_secs),
        Failure::Connection(_) => None,
    };
    let doubling = pause * 2_u32.saturating_pow(fruitless.saturating_sub(1).min(10));
    match fruitless {
        0 => Duration::ZERO,
        _ => asked.unwrap_or(doubling).min(LONGEST_WAIT),
    }
}

/// Writes one answer. The inner error can pass.
fn receive(
    answer: &Answer,
    file: &RemoteFile,
    partial: &mut Partial<'_>,
    observe: &mut Observe<'_>,
) -> Result<Result<(), Failure>, HubError> {
    loop {
        observe(partial.length)?;
        match answer.next() {
            None => {}
            // A server that cannot send a part sends all of it.
            Some(Arrival::Begin(0)) if partial.length > 0 => partial.restart()?,
            Some(Arrival::Begin(begin)) if begin != partial.length => {
                let problem = "it sends another part of the file than the one that was asked for";
                return Ok(Err(Failure::Connection(problem.into())));
            }
            Some(Arrival::Begin(_)) => {}
            Some(Arrival::Bytes(bytes)) => {
                if partial.length + bytes.len() as u64 > file.bytes {
                    partial.restart()?;
                    let problem = "it sends more bytes than the file has";
                    return Ok(Err(Failure::Connection(problem.into())));
                }
                partial.append(file, &bytes)?;
            }
            Some(Arrival::End) if partial.length < file.bytes => {
                let problem = "the connection ended before the file did";
                return Ok(Err(Failure::Connection(problem.into())));
            }
            Some(Arrival::End) => return Ok(Ok(())),
            Some(Arrival::Failure(Failure::Status { status: 416, .. })) => {
                partial.restart()?;
                let problem = "it does not have the part of the file that was asked for";
                return Ok(Err(Failure::Connection(problem.into())));
            }
            Some(Arrival::Failure(failure)) => return Ok(Err(failure)),
        }
    }
}

/// What has arrived of a file.
struct Partial<'a> {
    path: &'a Path,
    file: File,
    length: u64,
    hasher: Hasher,
}

impl<'a> Partial<'a> {
    /// Opens what an earlier try has left, and hashes it.
    fn open(
        path: &'a Path,
        remote: &RemoteFile,
        observe: &mut Observe<'_>,
    ) -> Result<Self, HubError> {
        let mut partial = Self {
            path,
            file: lb_files::open_lock(path)?,
            length: 0,
            hasher: Hasher::of(remote),
        };
        let mut there = lb_files::open_no_follow(path)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            observe(partial.length)?;
            let read = there
                .read(&mut buffer)
                .map_err(HubError::io("read", path))?;
            partial.length += read as u64;
            if read == 0 {
                break;
            }
            partial.hasher.update(&buffer[..read]);
        }
        if partial.length > remote.bytes {
            partial.restart()?;
        }
        partial
            .file
            .seek(SeekFrom::Start(partial.length))
            .map_err(HubError::io("read", path))?;
        Ok(partial)
    }

    fn append(&mut self, remote: &RemoteFile, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(self.full(remote))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Forgets everything that has arrived.
    fn restart(&mut self) -> Result<(), HubError> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(HubError::io("written", self.path))?;
        self.length = 0;
        self.hasher.restart();
        Ok(())
    }

    /// The error for a file that cannot be written.
    fn full(&self, remote: &RemoteFile) -> impl FnOnce(io::Error) -> HubError + use<> {
        let folder = self.path.parent().unwrap_or(self.path).to_owned();
        let (path, name) = (self.path.to_owned(), remote.path.clone());
        let bytes = remote.bytes.saturating_sub(self.length);
        move |error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => HubError::NoSpace {
                path: name,
                folder,
                bytes,
            },
            _ => HubError::io("written", &path)(error),
        }
    }
}

/// Computes the hash that a hub lists for a file.
enum Hasher {
    Sha256(Sha256),
    /// With the length that is hashed in front of the content.
    GitBlob(Sha1, u64),
}

impl Hasher {
    fn of(file: &RemoteFile) -> Self {
        match file.hash {
            FileHash::Sha256(_) => Self::Sha256(Sha256::new()),
            FileHash::GitBlob(_) => Self::GitBlob(begun(file.bytes), file.bytes),
        }
    }

    fn restart(&mut self) {
        match self {
            Self::Sha256(hasher) => *hasher = Sha256::new(),
            Self::GitBlob(hasher, bytes) => *hasher = begun(*bytes),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::GitBlob(hasher, _) => hasher.update(bytes),
        }
    }

    /// The hexadecimal digits of the hash.
    fn digits(&self) -> String {
        let bytes = match self {
            Self::Sha256(hasher) => hasher.clone().finalize().to_vec(),
            Self::GitBlob(hasher, _) => hasher.clone().finalize().to_vec(),
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What git hashes before a file's content.
fn begun(bytes: u64) -> Sha1 {
    Sha1::new_with_prefix(format!("blob {bytes}\0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_git_and_sha256sum() {
        let file = |hash| RemoteFile {
            path: "hello.txt".into(),
            bytes: 6,
            hash,
        };
        // `printf 'hello\n' | git hash-object --stdin` and `printf 'hello\n' | sha256sum`.
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        let sha = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        for (hash, digits) in [
            (FileHash::GitBlob(git.into()), git),
            (FileHash::Sha256(sha.into()), sha),
        ] {
            let mut hasher = Hasher::of(&file(hash));
            hasher.update(b"something else");
            hasher.restart();
            hasher.update(b"hel");
            hasher.update(b"lo\n");
            assert_eq!(hasher.digits(), digits);
        }
    }

    #[test]
    fn waiting_doubles_and_has_an_end() {
        let broken = Failure::Connection(String::new());
        let second = Duration::from_secs(1);
        let waits: Vec<_> = (0..9)
            .map(|tries| wait_before(tries, &broken, second).as_secs())
            .collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        let busy = Failure::Status {
            status: 429,
            retry_after: Some(7),
        };
        assert_eq!(wait_before(1, &busy, second).as_secs(), 7);
    }
}

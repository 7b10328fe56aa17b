//! Who may use the studio: one-time tokens, and the sessions that they become.
//!
//! The program prints an address with a token. Whoever opens it gets a cookie, and the token is spent. Sessions
//! survive the program, so that a page goes on when the program comes back. Only hashes of the cookies are kept.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;
use crate::ids::{hex, is_hex, random_hex};
use crate::limits::MOST_SESSIONS;

/// Bytes of tokens and cookies.
const SECRET: usize = 32;

/// The largest file in bytes that is read.
const LARGEST_FILE: u64 = 1 << 16;

/// The file in the folder of projects, which only its owner can read.
const FILE: &str = "access.json";

/// See the documentation of the module.
#[derive(Debug)]
pub(crate) struct Access {
    file: PathBuf,
    state: Mutex<Secrets>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Secrets {
    /// Distinguishes the cookie of this folder from those of others on the same host.
    instance: String,
    /// The token that was not used yet.
    token: String,
    /// Where the program listens, with a slash at the end.
    address: String,
    /// Hashes of the cookies, the oldest first.
    sessions: Vec<String>,
}

impl Access {
    /// The secrets of this folder, with a new token.
    pub(crate) fn open(folder: &Path) -> Result<Self, ApiError> {
        let file = folder.join(FILE);
        // A file that is damaged only costs a sign-in.
        let mut secrets = read(&file).unwrap_or_default();
        if !is_hex(&secrets.instance, 8) {
            secrets.instance = random_hex(4)?;
        }
        secrets.token = random_hex(SECRET)?;
        secrets.address.clear();
        let access = Self {
            file,
            state: Mutex::new(secrets),
        };
        access.save(&access.lock())?;
        Ok(access)
    }

    /// The name of the cookie.
    pub(crate) fn cookie_name(&self) -> String {
        format!("lb_studio_{}", self.lock().instance)
    }

    /// The address with the token, now that the program listens at `address`, which ends in a slash.
    pub(crate) fn listen_at(&self, address: &str) -> Result<String, ApiError> {
        let mut secrets = self.lock();
        address.clone_into(&mut secrets.address);
        self.save(&secrets)?;
        Ok(secrets.url())
    }

    /// Trades a token for the value of a cookie. `None` if it is not the token.
    pub(crate) fn sign_in(&self, token: &str) -> Result<Option<String>, ApiError> {
        let mut secrets = self.lock();
        // Hashes are compared, so that the time says nothing about the token.
        if secrets.token.is_empty() || hashed(token) != hashed(&secrets.token) {
            return Ok(None);
        }
        let cookie = random_hex(SECRET)?;
        secrets.token = random_hex(SECRET)?;
        secrets.sessions.push(hashed(&cookie));
        let excess = secrets.sessions.len().saturating_sub(MOST_SESSIONS);
        secrets.sessions.drain(..excess);
        self.save(&secrets)?;
        self.remove_page();
        Ok(Some(cookie))
    }

    /// Whether a cookie is that of a session.
    pub(crate) fn knows(&self, cookie: &str) -> bool {
        let hash = hashed(cookie);
        is_hex(cookie, 2 * SECRET) && self.lock().sessions.contains(&hash)
    }

    /// Removes the page that leads to the address, whose token is of no use any more.
    pub(crate) fn remove_page(&self) {
        let page = self.file.with_file_name(PAGE);
        if let Ok(elsewhere) = std::fs::read_link(&page)
            && elsewhere.ends_with(page_elsewhere(&page))
        {
            let _ = std::fs::remove_file(elsewhere);
        }
        // There is none unless a browser was to be opened.
        let _ = std::fs::remove_file(page);
    }

    fn save(&self, secrets: &Secrets) -> Result<(), ApiError> {
        write_private(&self.file, &serde_json::to_vec(secrets)?)?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Secrets> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Secrets {
    fn url(&self) -> String {
        format!("{}?token={}", self.address, self.token)
    }
}

/// The page that leads to the address, in the folder of projects.
const PAGE: &str = "open.html";

/// How the same page in a folder of a browser begins. A hash of its own folder follows, because that of another
/// studio may be there.
const PAGE_ELSEWHERE: &str = "lb-studio-";

/// Writes a page that leads to `url`, the address of the program that works in this folder, and returns its path.
///
/// All users of a machine can read the arguments of programs. A browser is therefore given the path of this page,
/// which only its owner can read, and not the address with its token. The page is removed as soon as the token was
/// used, and when the studio is dropped.
///
/// Some systems confine a browser, so that it cannot read the folder of projects. `readable` is then a folder that it
/// can read and other users cannot: the page is written there, and a link to it in the folder of projects.
///
/// # Errors
/// Those of writing into the folders.
pub fn sign_in_page(folder: &Path, url: &str, readable: Option<&Path>) -> std::io::Result<PathBuf> {
    let own = std::path::absolute(folder.join(PAGE))?;
    let path = match readable {
        Some(readable) => std::path::absolute(readable.join(page_elsewhere(&own)))?,
        None => own.clone(),
    };
    // The address consists of a host, a port and hexadecimal digits.
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"0;url={url}\">\n\
         <title>lb studio</title>\n<p><a href=\"{url}\">Open lb studio</a></p>\n</html>\n"
    );
    // Without the link nobody would find the page again to remove it.
    let path = match path == own || link(&path, &own).is_ok() {
        true => path,
        false => own,
    };
    write_private(&path, page.as_bytes())?;
    Ok(path)
}

/// The name of the page elsewhere of the studio whose own page has this path.
fn page_elsewhere(own: &Path) -> String {
    let own = std::path::absolute(own).unwrap_or_else(|_| own.into());
    let folder = hashed(&own.to_string_lossy());
    format!("{PAGE_ELSEWHERE}{}.html", &folder[..8])
}

/// Makes `link` lead to `path`, whatever it was before. Not every file system has links.
fn link(path: &Path, link: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    match std::fs::remove_file(link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::os::unix::fs::symlink(path, link),
    }
    #[cfg(not(unix))]
    Err(std::io::Error::new(
        std::io::ErrorKind::Unsupported,
        format!("{} cannot lead to {}", link.display(), path.display()),
    ))
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // A temporary file is readable by its owner only, and stays so under its name.
    let mut file = lb_files::temporary_file_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// A new value for the cookie of a visitor of a demonstration.
pub(crate) fn new_visitor() -> Result<String, ApiError> {
    Ok(random_hex(SECRET)?)
}

/// The name under which the work of a visitor is kept; `None` if the cookie has not the form of one.
pub(crate) fn visitor_of(cookie: &str) -> Option<String> {
    is_hex(cookie, 2 * SECRET).then(|| hashed(cookie)[..32].to_owned())
}

/// The address of the program that works in this folder, with a token that was not used yet.
pub(crate) fn address_in(folder: &Path) -> Option<String> {
    let secrets = read(&folder.join(FILE))?;
    (!secrets.address.is_empty()).then(|| secrets.url())
}

fn read(file: &Path) -> Option<Secrets> {
    use std::io::Read as _;
    let mut text = Vec::new();
    let file = lb_files::open_no_follow(file).ok()?;
    file.take(LARGEST_FILE).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn hashed(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_works_once_and_its_session_survives() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::open(folder.path()).unwrap();
        let url = access.listen_at("http://127.0.0.1:1/").unwrap();
        assert_eq!(address_in(folder.path()), Some(url.clone()));
        let token = url.split_once("?token=").unwrap().1;
        assert_eq!(access.sign_in("guessed").unwrap(), None);
        assert_eq!(access.sign_in("").unwrap(), None);
        let cookie = access.sign_in(token).unwrap().unwrap();
        assert_eq!(access.sign_in(token).unwrap(), None, "spent");
        assert!(access.knows(&cookie));
        assert!(!access.knows(token) && !access.knows("") && !access.knows(&hashed(&cookie)));
        let later = Access::open(folder.path()).unwrap();
        assert!(later.knows(&cookie));
        assert_eq!(later.cookie_name(), access.cookie_name());
        assert_eq!(later.sign_in(token).unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_secrets() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let access = Access::open(folder.path()).unwrap();
        let mode = access.file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_page_that_leads_to_the_address_is_private_and_goes_with_its_token() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::open(folder.path()).unwrap();
        let url = access.listen_at("http://127.0.0.1:1/").unwrap();
        let page = sign_in_page(folder.path(), &url, None).unwrap();
        assert!(page.is_absolute());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = page.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.contains(&format!("content=\"0;url={url}\"")), "{text}");
        assert_eq!(access.sign_in("guessed").unwrap(), None);
        assert!(page.exists());
        let token = url.split_once("?token=").unwrap().1;
        access.sign_in(token).unwrap().unwrap();
        assert!(!page.exists());
    }

    #[cfg(unix)]
    #[test]
    fn the_page_of_a_confined_browser_is_where_it_can_read_and_is_removed_too() {
        let (folder, browser) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let access = Access::open(folder.path()).unwrap();
        let url = access.listen_at("http://127.0.0.1:1/").unwrap();
        for _ in 0..2 {
            let page = sign_in_page(folder.path(), &url, Some(browser.path())).unwrap();
            assert!(page.starts_with(browser.path()) && !page.is_symlink());
            assert!(std::fs::read_to_string(&page).unwrap().contains(&url));
        }
        access.remove_page();
        for left in [
            folder.path().join(PAGE),
            browser
                .path()
                .join(page_elsewhere(&folder.path().join(PAGE))),
        ] {
            assert!(left.symlink_metadata().is_err(), "{left:?}");
        }

        // Where the link cannot be made, the page is in its own folder, and none elsewhere.
        std::fs::create_dir(folder.path().join(PAGE)).unwrap();
        assert!(sign_in_page(folder.path(), &url, Some(browser.path())).is_err());
        assert_eq!(browser.path().read_dir().unwrap().count(), 0);
        std::fs::remove_dir(folder.path().join(PAGE)).unwrap();

        // A link that leads to anything else is removed, and not what it leads to.
        let other = browser.path().join("other.html");
        std::fs::write(&other, "somebody's").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join(PAGE)).unwrap();
        access.remove_page();
        assert!(other.is_file() && !folder.path().join(PAGE).is_symlink());
    }

    #[test]
    fn the_oldest_session_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::open(folder.path()).unwrap();
        let token = || access.lock().token.clone();
        let first = access.sign_in(&token()).unwrap().unwrap();
        for _ in 0..MOST_SESSIONS {
            access.sign_in(&token()).unwrap().unwrap();
        }
        assert!(!access.knows(&first));
    }
}

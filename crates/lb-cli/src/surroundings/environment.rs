//! The environment's variables, and the user's folders that follow from them on each system.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The system and its variables. Both are data, so that the rules of every system are tested on each.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a> {
    /// The system, as [`std::env::consts::OS`] calls it.
    pub(super) system: &'a str,
    pub(super) variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Environment<'static> {
    /// The environment of this process.
    pub(super) fn of_process() -> Self {
        Self {
            system: std::env::consts::OS,
            variable: &|name| std::env::var_os(name),
        }
    }
}

impl Environment<'_> {
    pub(super) fn is_windows(&self) -> bool {
        self.system == "windows"
    }

    pub(super) fn non_empty(&self, variable: &str) -> Option<OsString> {
        (self.variable)(variable).filter(|value| !value.is_empty())
    }

    /// The value of a variable that is text.
    pub(super) fn text(&self, variable: &str) -> Option<String> {
        self.non_empty(variable)?.into_string().ok()
    }

    pub(super) fn path(&self, variable: &str) -> Option<PathBuf> {
        self.non_empty(variable).map(PathBuf::from)
    }

    /// A list of paths, divided by colons, or by semicolons on Windows.
    pub(super) fn paths(&self, variable: &str) -> Vec<PathBuf> {
        self.non_empty(variable)
            .map(|value| std::env::split_paths(&value).collect())
            .unwrap_or_default()
    }

    /// The path in a variable of Hugging Face's libraries, which take a tilde for the home folder even where no
    /// shell has replaced it.
    pub(super) fn path_from_home(&self, variable: &str) -> Option<PathBuf> {
        let path = self.path(variable)?;
        match path.strip_prefix("~") {
            Ok(below) => Some(self.home()?.join(below)),
            Err(_) => Some(path),
        }
    }

    /// The user's home.
    pub(super) fn home(&self) -> Option<PathBuf> {
        let variable = if self.is_windows() {
            "USERPROFILE"
        } else {
            "HOME"
        };
        self.path(variable)
    }

    /// The folder of Hugging Face's libraries, which is the same on every system, also on macOS and Windows.
    pub(super) fn hugging_face(&self) -> Option<PathBuf> {
        self.path_from_home("HF_HOME").or_else(|| {
            let cache = self.path("XDG_CACHE_HOME");
            let cache = cache.or_else(|| Some(self.home()?.join(".cache")))?;
            Some(cache.join("huggingface"))
        })
    }

    /// The folder of what programs keep for the user.
    pub(super) fn user_data(&self) -> Option<PathBuf> {
        self.user_folder(
            "Library/Application Support",
            "XDG_DATA_HOME",
            ".local/share",
        )
    }

    /// The folder of what programs can compute again.
    pub(super) fn user_cache(&self) -> Option<PathBuf> {
        self.user_folder("Library/Caches", "XDG_CACHE_HOME", ".cache")
    }

    /// A folder of the user: local application data on Windows, and on other systems what is named by the variable
    /// (not on macOS) or lies in the home folder.
    fn user_folder(&self, mac: &str, variable: &str, usual: &str) -> Option<PathBuf> {
        let at_home = |folder| self.home().map(|home| home.join(folder));
        match self.system {
            "windows" => self.path("LOCALAPPDATA"),
            "macos" => at_home(mac),
            // The specification says that a relative path is not valid.
            _ => self
                .path(variable)
                .filter(|path| Path::is_absolute(path))
                .or_else(|| at_home(usual)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An environment with these variables.
    pub(in crate::surroundings) fn with<T>(
        system: &str,
        variables: &[(&str, &str)],
        look: impl FnOnce(Environment<'_>) -> T,
    ) -> T {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        look(Environment {
            system,
            variable: &variable,
        })
    }

    const HOME: (&str, &str) = ("HOME", "/home/me");

    #[test]
    fn each_system_has_its_folders() {
        let linux = with("linux", &[HOME], |linux| {
            [linux.user_data(), linux.user_cache(), linux.hugging_face()]
        });
        let expected = [".local/share", ".cache", ".cache/huggingface"];
        assert_eq!(
            linux,
            expected.map(|path| Some(Path::new("/home/me").join(path)))
        );

        let variables = [
            HOME,
            ("XDG_DATA_HOME", "/data"),
            ("XDG_CACHE_HOME", "/cache"),
        ];
        let named = with("linux", &variables, |linux| {
            [linux.user_data(), linux.user_cache(), linux.hugging_face()]
        });
        let expected = ["/data", "/cache", "/cache/huggingface"];
        assert_eq!(named, expected.map(|path| Some(path.into())));

        let mac = with("macos", &variables[..2], |mac| {
            [mac.user_data(), mac.user_cache(), mac.hugging_face()]
        });
        let expected = [
            "Library/Application Support",
            "Library/Caches",
            ".cache/huggingface",
        ];
        assert_eq!(
            mac,
            expected.map(|path| Some(Path::new("/home/me").join(path)))
        );

        let variables = [
            HOME,
            ("USERPROFILE", r"C:\Users\me"),
            ("LOCALAPPDATA", r"C:\Users\me\AppData\Local"),
        ];
        let windows = with("windows", &variables, |windows| {
            [
                windows.user_data(),
                windows.user_cache(),
                windows.hugging_face(),
            ]
        });
        let local = || Some(PathBuf::from(r"C:\Users\me\AppData\Local"));
        let hub = Path::new(r"C:\Users\me").join(".cache").join("huggingface");
        assert_eq!(windows, [local(), local(), Some(hub)]);
    }

    #[test]
    fn without_a_home_there_are_no_folders() {
        for system in ["linux", "macos", "windows"] {
            let found = with(system, &[("HOME", ""), ("XDG_CACHE_HOME", "")], |empty| {
                [empty.user_data(), empty.user_cache(), empty.hugging_face()]
            });
            assert_eq!(found, [None, None, None], "{system}");
        }
    }

    #[test]
    fn a_tilde_is_the_home_folder_for_hugging_face() {
        for (value, expected) in [
            ("~/models", "/home/me/models"),
            ("~", "/home/me"),
            ("~models", "~models"),
            ("/models", "/models"),
        ] {
            let found = with("linux", &[HOME, ("HF_HOME", value)], |linux| {
                linux.hugging_face()
            });
            assert_eq!(found, Some(expected.into()), "{value}");
        }
    }
}

//! Whether this machine runs in a public cloud: what its firmware says of itself (SMBIOS).

use std::fs;
use std::path::Path;

/// What the files below `/sys/class/dmi/id` say, and the cloud that says so.
const CLOUDS: &[(&str, &str, &str)] = &[
    ("sys_vendor", "Amazon EC2", "Amazon EC2"),
    ("bios_vendor", "Amazon EC2", "Amazon EC2"),
    ("sys_vendor", "Google", "Google Cloud"),
    ("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "Azure"),
    ("chassis_asset_tag", "OracleCloud.com", "Oracle Cloud"),
    ("sys_vendor", "Alibaba Cloud", "Alibaba Cloud"),
    ("sys_vendor", "DigitalOcean", "DigitalOcean"),
    ("sys_vendor", "Hetzner", "Hetzner Cloud"),
];

/// The cloud's name; `None` on machines of one's own, and where nothing says anything.
#[must_use]
pub fn name() -> Option<&'static str> {
    name_in(Path::new("/sys/class/dmi/id"))
}

fn name_in(folder: &Path) -> Option<&'static str> {
    let says =
        |file: &str, words: &str| fs::read_to_string(folder.join(file)).is_ok_and(|t| t.trim() == words);
    CLOUDS.iter().find(|(file, words, _)| says(file, words)).map(|(.., name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_is_known_by_what_its_firmware_says() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(name_in(folder.path()), None);
        fs::write(folder.path().join("sys_vendor"), "Microsoft Corporation\n").unwrap();
        assert_eq!(name_in(folder.path()), None, "Hyper-V on a machine of one's own says this, too");
        fs::write(folder.path().join("chassis_asset_tag"), "7783-7084-3265-9085-8269-3286-77\n").unwrap();
        assert_eq!(name_in(folder.path()), Some("Azure"));
    }
}

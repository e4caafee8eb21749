//! The policy stores that are built in: the folders of `policies/`, embedded.

use flows::decide::StoreFiles;

macro_rules! store {
    ($name:literal, [$($file:literal),+ $(,)?]) => {
        ($name, &[$(($file, include_str!(concat!("../policies/", $name, "/", $file)))),+])
    };
}

type Embedded = (&'static str, &'static [(&'static str, &'static str)]);

/// Every file of every store; a test compares with the folders.
const STORES: &[Embedded] = &[
    store!(
        "certification",
        ["certification.cases.json", "certification.cedar", "schema.cedarschema", "store.toml"]
    ),
    store!(
        "main",
        [
            "account.cases.json",
            "account.cedar",
            "admin.cases.json",
            "admin.cedar",
            "data.cases.json",
            "data.cedar",
            "delegation.cases.json",
            "delegation.cedar",
            "ecert.cases.json",
            "ecert.cedar",
            "schema.cedarschema",
            "seal.cases.json",
            "seal.cedar",
            "store.toml"
        ]
    ),
    store!("todo", ["entities.json", "schema.cedarschema", "store.toml", "todo.cases.json", "todo.cedar"]),
];

/// The stores' files.
pub fn stores() -> Vec<StoreFiles> {
    let file = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    STORES.iter().map(|(name, files)| ((*name).to_owned(), files.iter().map(file).collect())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_every_store_is_built_in() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let mut on_disk = BTreeSet::new();
        for store in fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
            for file in fs::read_dir(&store).unwrap() {
                let name = store.file_name().unwrap().to_str().unwrap().to_owned();
                on_disk.insert((name, file.unwrap().file_name().into_string().unwrap()));
            }
        }
        let built_in = stores()
            .into_iter()
            .flat_map(|(store, files)| files.into_iter().map(move |(file, _)| (store.clone(), file)));
        assert_eq!(built_in.collect::<BTreeSet<_>>(), on_disk);
    }
}

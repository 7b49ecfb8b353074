//! The files: whose they are, who may read them, and whether they are still there.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_store_is_its_owners_alone() {
    let folder = TempDir::new().unwrap();
    let made = folder.path().join("data/calls");
    let store = open(&made).await;
    place(&store, 1).await;
    for made in [folder.path().join("data"), made.clone()] {
        assert_eq!(mode(&made), 0o700, "{}", made.display());
    }
    for file in ["warmline.db", "warmline.db-wal", "warmline.db-shm", "warmline.db.lock"] {
        assert_eq!(mode(&made.join(file)), 0o600, "{file}");
    }
    store.close().await;
    // One of an earlier version.
    std::fs::set_permissions(made.join("warmline.db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = open(&made).await;
    place(&store, 2).await;
    for file in ["warmline.db", "warmline.db-wal"] {
        assert_eq!(mode(&made.join(file)) & 0o007, 0, "{file}");
    }
}

#[tokio::test]
async fn no_other_name_of_the_file_leads_to_a_second_store() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let elsewhere = TempDir::new().unwrap();
    symlink(folder.path().join("warmline.db"), elsewhere.path().join("warmline.db")).unwrap();
    let error = Store::open(&url(elsewhere.path())).await.err().unwrap();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    let linked = elsewhere.path().join("linked");
    symlink(folder.path(), &linked).unwrap();
    let error = Store::open(&url(&linked)).await.err().unwrap();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    let hard = folder.path().join("hard");
    std::fs::create_dir(&hard).unwrap();
    std::fs::hard_link(folder.path().join("warmline.db"), hard.join("warmline.db")).unwrap();
    for name in [folder.path(), &hard] {
        let error = Store::open(&url(name)).await.err().unwrap();
        assert!(matches!(error, StoreError::ManyNames { names: 2, .. }), "{error}");
        assert!(error.to_string().contains("Remove the others"), "{error}");
    }
    std::fs::remove_file(hard.join("warmline.db")).unwrap();
    place(&store, 1).await;
    store.close().await;
    let store = open(elsewhere.path()).await;
    assert_eq!(store.seq(), 1, "a symbolic link is as good as the file's own name");
}

#[tokio::test]
async fn files_that_are_taken_away_are_noticed_before_anything_is_acknowledged() {
    for file in ["warmline.db", "warmline.db-wal", "warmline.db-shm", "warmline.db.lock"] {
        for replaced in [false, true] {
            let folder = TempDir::new().unwrap();
            let store = open(folder.path()).await;
            place(&store, 1).await;
            let (here, away) = (folder.path().join(file), folder.path().join("away"));
            std::fs::rename(&here, &away).unwrap();
            if replaced {
                std::fs::copy(&away, &here).unwrap();
            }
            let sentence = store.health().unwrap_err();
            assert!(sentence.contains("deleted, moved or replaced"), "{file}: {sentence}");
            let error = store.place(&id(2), at(), placed("+15550100001"), None).await.unwrap_err();
            assert!(error.to_string().contains("deleted, moved or replaced"), "{file}: {error}");
            store.record(&id(1), at(), ended()).unwrap();
            assert_eq!(store.seq(), 1, "{file}");
            // Put back, nothing is lost.
            std::fs::rename(&away, &here).unwrap();
            store.written(&id(1)).await.unwrap();
            store.close().await;
            let store = open(folder.path()).await;
            assert_eq!((store.seq(), store.open_calls().await.unwrap()), (3, Vec::new()), "{file}");
        }
    }
}

/// A disk so small that it can be filled; none where mounting one takes more rights than we have.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mut mount = std::process::Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[tokio::test]
async fn a_real_disk_that_is_full_is_told_and_written_to_again_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        println!("SKIPPED: a small disk can't be mounted here; the disk in memory stands in for it elsewhere");
        return;
    };
    let store = open(disk.0.path()).await;
    place(&store, 1).await;
    let filler = disk.0.path().join("filler");
    while std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&filler)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &[0; 4096]))
        .is_ok()
    {}
    let mut n = 1;
    let error = loop {
        n += 1;
        assert!(n < 1_000, "it is never full");
        match store.place(&id(n), at(), placed("+15550100001"), None).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("disk is full"), "{error}");
    store.record(&id(1), at(), ended()).unwrap();
    assert!(store.health().unwrap_err().contains("disk is full"));
    std::fs::remove_file(filler).unwrap();
    store.written(&id(1)).await.unwrap();
    assert!(store.health().is_ok());
    place(&store, n + 1).await;
    store.close().await;
    let store = open(disk.0.path()).await;
    assert!(store.view(&id(1)).await.unwrap().end.is_some());
    assert_eq!(store.events_after(0, 10_000).await.unwrap().len() as u64, store.seq());
    store.close().await;
}

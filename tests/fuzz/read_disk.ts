/** A directory that can only be read: what the judges of damaged files are shown. */
import type { Disk, DiskFile } from "../../src/storage/disk.ts";

export function readDisk(files: ReadonlyMap<string, Uint8Array>): Disk {
  const refuse = () => {
    throw new Error("Reading a directory must not change it");
  };
  return {
    path: "/fuzz",
    list: () => [...files].map(([name, bytes]) => ({ name, size: bytes.length })),
    open: (name) => fileOf(name, files.get(name)!, refuse),
    create: refuse,
    rename: refuse,
    remove: refuse,
    syncDirectory: refuse,
    lock: refuse,
  };
}

function fileOf(name: string, bytes: Uint8Array, refuse: () => never): DiskFile {
  return {
    name,
    size: () => bytes.length,
    read: (into, offset) => {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    write: refuse,
    sync: refuse,
    close: () => {},
  };
}

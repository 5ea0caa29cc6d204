"""The file system that a path lies on, as Linux lists it."""

import re
from dataclasses import dataclass
from pathlib import Path

LIST = Path("/proc/self/mountinfo")
# A write-ahead log needs shared memory and locks, which these do not share between machines.
NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "gpfs"),
        *("glusterfs", "fuse.glusterfs", "beegfs", "ocfs2", "gfs2", "9p", "vboxsf", "virtiofs"),
        *("fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.grpcfuse", "fuse.osxfs"),
    }
)
IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})


@dataclass(frozen=True, slots=True)
class Mount:
    point: str
    type: str
    options: frozenset[str]


def of(path: Path, listed: str) -> Mount | None:
    """The mount that holds this absolute path, of those in the text of mountinfo; the last one wins."""
    found = None
    for line in listed.splitlines():
        fields, _, rest = line.partition(" - ")
        parts = fields.split()
        if len(parts) < 6 or not rest:
            continue
        point = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), parts[4])
        if path.is_relative_to(point) and (found is None or len(point) >= len(found.point)):
            found = Mount(point, rest.split()[0], frozenset(parts[5].split(",")))
    return found

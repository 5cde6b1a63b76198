// Tells whether a file has changed.

import Glibc

/// Size, time and inode of a file at one moment; all files that cannot be read are alike.
struct FileStamp: Equatable {
    private var seconds = 0
    private var nanoseconds = 0
    private var size = -1
    private var inode: UInt = 0

    static let missing = FileStamp()

    private init() {}

    init(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
        size = Int(status.st_size)
        inode = UInt(status.st_ino)
    }
}

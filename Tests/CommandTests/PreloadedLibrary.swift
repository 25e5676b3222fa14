import Foundation
import Testing

/// A small C library whose functions take the place of the system's in a program that is started with it.
enum PreloadedLibrary {
    /// Compiles it.
    ///
    /// - Returns: The environment of programs that load it.
    static func build(_ source: String, named name: String, in folder: TemporaryFolder) throws -> [String: String] {
        let library = "\(folder.path)/\(name).so"
        let file = try folder.write(source, to: name + ".c")
        let compiler = try Program.run(
            ["-c", "for c in cc clang gcc; do command -v $c && exit; done; exit 1"], executable: "/bin/sh")
        // Swift's own toolchain brings a compiler, so there is one wherever this was built.
        try #require(compiler.status == 0)
        let compiled = try Program.run(
            ["-shared", "-fPIC", "-O1", "-o", library, file],
            executable: compiler.output.trimmingCharacters(in: .whitespacesAndNewlines))
        try #require(compiled.status == 0, "\(compiled.error)")
        return ["LD_PRELOAD": library]
    }

    /// The first write to each of the files in FULL_DISK fails as on a full disk, as if space were made after it.
    static func fullDisk(for files: [String], in folder: TemporaryFolder) throws -> [String: String] {
        var environment = try build(fullDiskSource, named: "full", in: folder)
        environment["FULL_DISK"] = files.map { $0 + ".partial:" }.joined()
        return environment
    }

    private static let fullDiskSource = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        static char told[8192];
        ssize_t write(int file, const void *bytes, size_t count) {
            char link[64], path[4096];
            const char *full = getenv("FULL_DISK");
            snprintf(link, sizeof link, "/proc/self/fd/%d", file);
            ssize_t length = readlink(link, path, sizeof path - 2);
            if (full && length > 0) {
                strcpy(path + length, ":");
                if (strstr(full, path) && !strstr(told, path)) {
                    strncat(told, path, sizeof told - strlen(told) - 1);
                    errno = ENOSPC;
                    return -1;
                }
            }
            return syscall(SYS_write, file, bytes, count);
        }
        """
}

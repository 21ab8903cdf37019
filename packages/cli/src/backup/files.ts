import { type BackupManifest, type BackupSource, takeBackup, verifyBackup } from '@rekey/database'
import { CliError } from '../error.ts'
import { unreadable } from '../given-file.ts'

/**
 * Reads a backup that the command line names, to its end.
 *
 * @throws CliError `WRONG_USE` when there is no such file; those of {@link verifyBackup}
 */
export async function readBackup(path: string): Promise<BackupManifest> {
  try {
    return await verifyBackup(path)
  } catch (error) {
    throw isOfFile(error) ? unreadable(path, error) : error
  }
}

/** @throws CliError `WRONG_USE` when nothing can be written there; those of {@link takeBackup} */
export async function writeBackup(
  path: string,
  sources: readonly BackupSource[],
  release: string,
): Promise<BackupManifest> {
  try {
    return await takeBackup(path, sources, release)
  } catch (error) {
    if (!isOfFile(error)) throw error
    throw new CliError('WRONG_USE', `the backup ${path} cannot be written`, { path }, { cause: error })
  }
}

/** What a socket reports has no path. */
function isOfFile(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'path' in error
}

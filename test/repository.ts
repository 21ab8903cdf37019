import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

export const root = join(import.meta.dirname, '..')

const NOT_OURS = new Set(['node_modules', '.git', '.rekey', 'coverage', 'dist'])

/** Every file that is or would be committed, from the root, with forward slashes. Works in an unpacked archive too. */
export function filesOfRepository(): string[] {
  if (!existsSync(join(root, '.git'))) return filesBelow(root)
  // safe.directory: the checkout may belong to another user than the one who runs the tests, in a container for instance.
  const args = ['-c', `safe.directory=${root}`, 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  return listed.split('\0').filter((path) => path !== '' && existsSync(join(root, path)))
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [relative(root, path).split(sep).join('/')]
  })
}

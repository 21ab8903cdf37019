/** What a build of the images is given: every file of a folder that .dockerignore does not take out. */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative, sep } from 'node:path'
import type { Ignore } from '@balena/dockerignore'

// Its types speak of a default export, and it is a function itself.
const dockerignore = createRequire(import.meta.url)('@balena/dockerignore') as () => Ignore

/** Paths as .dockerignore leaves them, from the root, with forward slashes. */
export function left(ignoreFile: string, paths: readonly string[]): string[] {
  const rules = dockerignore().add(ignoreFile)
  return paths.filter((path) => !rules.ignores(path))
}

/** Every file on the disk, what git ignores included: a builder does not ask git. */
export function filesOnDisk(root: string): string[] {
  const below = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      // Not looked into: they are large, and no rule lets anything of them in.
      if (entry.name === 'node_modules' || entry.name === '.git') return []
      const path = join(folder, entry.name)
      return entry.isDirectory() ? below(path) : [relative(root, path).split(sep).join('/')]
    })
  return below(root)
}

export function contextOf(root: string): string[] {
  return left(readFileSync(join(root, '.dockerignore'), 'utf8'), filesOnDisk(root))
}

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { npm } from '../scripts/packing/npm.ts'
import { findNodes } from './nodes.ts'
import { hand } from './packed.ts'

let folder = ''

/** Packs, installs what was packed, and finds the releases of Node: once for the whole run. */
export async function globalSetup(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'rekey published '))
  const tarballs = pack()
  const [nodes, installed] = await Promise.all([findNodes(folder), install(Object.values(tarballs))])
  hand({ folder, tarballs, installed, nodes })
}

export function globalTeardown(): void {
  rmSync(folder, { recursive: true, force: true })
}

function pack(): Record<string, string> {
  const script = join(import.meta.dirname, '../scripts/pack.ts')
  const printed = execFileSync(process.execPath, [script, join(folder, 'tarballs')], { encoding: 'utf8' })
  const paths = printed.trim().split('\n')
  return Object.fromEntries(paths.map((path) => [/^rekey-([a-z]+)-/.exec(basename(path))?.[1] ?? path, path]))
}

async function install(tarballs: readonly string[]): Promise<string> {
  const installed = join(folder, 'installed')
  mkdirSync(installed)
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  await npm(installed, ['install', '--no-audit', '--no-fund', ...tarballs, '@types/node@20'])
  return installed
}

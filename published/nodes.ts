import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { npm } from '../scripts/packing/npm.ts'

/** The releases of Node that the published packages promise to run on. */
const RELEASES = [20, 22, 24] as const

/** The path of a Node of each release: one of this machine, or one that npm brings into `folder`. */
export async function findNodes(folder: string): Promise<Record<string, string>> {
  const here = nodesOfMachine()
  const found = RELEASES.map(async (release) => [release, here.get(release) ?? (await install(release, folder))])
  return Object.fromEntries(await Promise.all(found))
}

function nodesOfMachine(): Map<number, string> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const paths = [process.execPath, ...folders.map((path) => join(path, 'node')).filter(existsSync)]
  return new Map(paths.map((path) => [releaseOf(path), path]))
}

/** The package `node` brings its binary by a script, which may be switched off; this is the package that the script installs. */
async function install(release: number, folder: string): Promise<string> {
  const { platform, arch } = process
  const name = `${platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${arch}`
  const prefix = join(folder, `node-${release}`)
  mkdirSync(prefix)
  await npm(prefix, ['install', '--prefix', prefix, '--no-save', '--no-audit', '--no-fund', `${name}@${release}`])
  const path = join(prefix, 'node_modules', name, 'bin/node')
  if (releaseOf(path) !== release) throw new Error(`${name}@${release} is another release`)
  return path
}

function releaseOf(path: string): number {
  return Number(/^v(\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1])
}

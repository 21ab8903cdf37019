import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { filesBelow, root } from '../scripts/packing/compile.ts'
import { npm } from '../scripts/packing/npm.ts'
import { packed } from './packed.ts'

const run = promisify(execFile)
const { folder, tarballs } = packed()

describe('npm, run in the folder of a package', { timeout: 120_000 }, () => {
  let checkout = ''
  let home = ''
  let before: Record<string, string> = {}
  let npms: ChildProcess[] = []

  beforeEach(() => {
    checkout = mkdtempSync(join(folder, 'a checkout '))
    home = join(checkout, 'packages/redact')
    for (const path of [
      'scripts',
      'packages/redact',
      'LICENSE',
      'package.json',
      'tsconfig.json',
      'tsconfig.published.json',
    ]) {
      cpSync(join(root, path), join(checkout, path), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
    before = contents()
    npms = []
  })
  afterEach(() => {
    for (const child of npms) child.kill('SIGKILL')
    rmSync(checkout, { recursive: true })
  })

  const contents = () =>
    Object.fromEntries(
      filesBelow(home).flatMap((path) =>
        path.startsWith('.rekey/') ? [] : [[path, readFileSync(join(home, path), 'utf8')]],
      ),
    )
  const isPublishedForm = () =>
    !contents()['package.json']?.includes('prepack') && existsSync(join(home, 'dist/index.js'))
  const form = (act: 'prepare' | 'restore', { pid }: ChildProcess) =>
    run(process.execPath, [join(checkout, 'scripts/published-form.ts'), act, String(pid)], { cwd: home })

  /** A process that stands for an npm: what is asked of it is only whether it lives. */
  function startNpm(): ChildProcess {
    const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    npms.push(child)
    return child
  }

  async function restored(): Promise<void> {
    while (existsSync(join(home, '.rekey/packing'))) await wait(20)
    assert.deepEqual(contents(), before)
  }

  it('packs what npm run pack packs, byte for byte, and leaves the folder as it was', async () => {
    const to = join(checkout, 'to')
    mkdirSync(to)
    const name = (await npm(home, ['pack', '--pack-destination', to, '--silent'])).trim()
    assert.deepEqual(contents(), before)
    assert.ok(readFileSync(join(to, name)).equals(readFileSync(String(tarballs.redact))))
  })

  it('would publish that, too', async () => {
    const told = JSON.parse(await npm(home, ['publish', '--dry-run', '--json', '--silent', '--tag', 'next']))
    const files: { path: string }[] = told.files ?? told['@rekey/redact'].files
    const paths = files.map(({ path }) => path)
    assert.ok(
      paths.includes('dist/index.js') && paths.includes('LICENSE') && !paths.includes('src/index.ts'),
      `${paths}`,
    )
    await restored()
  })

  it('leaves the folder as it was when it is killed', async () => {
    const killed = startNpm()
    await form('prepare', killed)
    assert.ok(isPublishedForm())
    killed.kill('SIGKILL')
    await restored()
  })

  it('leaves the folder as it was when the sources do not compile', async () => {
    appendFileSync(join(home, 'src/index.ts'), 'export const wrong: number = "text"\n')
    before = contents()
    await assert.rejects(form('prepare', startNpm()), /src\/index\.ts.*TS2322/)
    await restored()
  })

  it('lets a second one wait for the first, which finds its own package.json again', async () => {
    const [first, second] = [startNpm(), startNpm()]
    await form('prepare', first)
    const prepared = form('prepare', second)
    assert.equal(await Promise.race([prepared, wait(1000, 'waiting')]), 'waiting')
    await form('restore', first)
    await prepared
    assert.ok(isPublishedForm())
    await form('restore', first)
    assert.ok(isPublishedForm(), 'who has been served takes nothing from the second')
    await form('restore', second)
    await restored()
  })

  it('repairs what a machine left that lost its power', async () => {
    const dead = startNpm()
    dead.kill('SIGKILL')
    await once(dead, 'exit')
    mkdirSync(join(home, '.rekey'))
    writeFileSync(join(home, '.rekey/packing'), String(dead.pid))
    cpSync(join(home, 'package.json'), join(home, '.rekey/package.json'))
    writeFileSync(join(home, 'package.json'), '{}')
    const next = startNpm()
    await form('prepare', next)
    assert.ok(isPublishedForm())
    await form('restore', next)
    await restored()
  })
})

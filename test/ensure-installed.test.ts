import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const SCRIPT = join(import.meta.dirname, '../scripts/ensure-installed.js')

describe('ensure-installed', () => {
  let root = ''

  // A checkout with one workspace: npm links it without asking a registry.
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'ensure-installed-'))
    await mkdir(join(root, 'scripts'))
    await mkdir(join(root, 'packages/one'), { recursive: true })
    await cp(SCRIPT, join(root, 'scripts/ensure-installed.js'))
    await writeFile(join(root, 'packages/one/package.json'), JSON.stringify({ name: 'one', version: '1.0.0' }))
    await describeProject('1.0.0')
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  async function describeProject(version: string) {
    const project = { name: 'fixture', version, type: 'module', workspaces: ['packages/*'] }
    const packages = {
      '': { name: 'fixture', version, workspaces: ['packages/*'] },
      'node_modules/one': { resolved: 'packages/one', link: true },
      'packages/one': { version: '1.0.0' },
    }
    const lock = { name: 'fixture', version, lockfileVersion: 3, requires: true, packages }
    await writeFile(join(root, 'package.json'), JSON.stringify(project))
    await writeFile(join(root, 'package-lock.json'), JSON.stringify(lock))
  }

  const ensure = (nodeArgs: string[] = []) =>
    run(process.execPath, [...nodeArgs, join(root, 'scripts/ensure-installed.js')], {
      cwd: tmpdir(),
      env: { ...process.env, npm_execpath: undefined, npm_config_workspace: 'not-this-one' },
    })

  it('installs once and has nothing to say afterwards', async () => {
    const first = await ensure()
    assert.match(first.stderr, /installing/)
    assert.equal(first.stdout, '')
    assert.ok(existsSync(join(root, 'node_modules/one/package.json')))
    assert.deepEqual(await ensure(), { stdout: '', stderr: '' })
  })

  it('installs again when the lockfile names other packages', async () => {
    await ensure()
    await mkdir(join(root, 'packages/two'))
    await writeFile(join(root, 'packages/two/package.json'), JSON.stringify({ name: 'two', version: '1.0.0' }))
    const path = join(root, 'package-lock.json')
    const lock = JSON.parse(await readFile(path, 'utf8'))
    lock.packages['node_modules/two'] = { resolved: 'packages/two', link: true }
    lock.packages['packages/two'] = { version: '1.0.0' }
    await writeFile(path, JSON.stringify(lock))
    assert.match((await ensure()).stderr, /installing/)
    assert.ok(existsSync(join(root, 'node_modules/two/package.json')))
  })

  it('believes an installation that was made by hand', async () => {
    await ensure()
    await rm(join(root, 'node_modules/.rekey-lock-hash'))
    assert.deepEqual(await ensure(), { stdout: '', stderr: '' })
  })

  it('lets one of several install while the others wait, and leaves no lock', async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => ensure()))
    assert.equal(results.filter(({ stderr }) => stderr.includes('installing')).length, 1)
    assert.ok(!existsSync(join(root, '.rekey-install.lock')))
    assert.deepEqual(await ensure(), { stdout: '', stderr: '' })
  })

  it('takes over the lock of a process that died', async () => {
    const dead = spawn(process.execPath, ['-e', ''])
    await new Promise((resolve) => dead.once('exit', resolve))
    await writeFile(join(root, '.rekey-install.lock'), String(dead.pid))
    const results = await Promise.all([ensure(), ensure()])
    assert.equal(results.filter(({ stderr }) => stderr.includes('installing')).length, 1)
    assert.ok(!existsSync(join(root, '.rekey-install.lock')))
  })

  it('says that npm failed, and tries again the next time', async () => {
    await writeFile(join(root, 'package.json'), JSON.stringify({ name: 'fixture', dependencies: { absent: 'file:x' } }))
    const refused = { code: 1, stderr: /error: npm ci failed \(exit code 1\)/ }
    await assert.rejects(ensure(), refused)
    await describeProject('1.0.0')
    assert.match((await ensure()).stderr, /installing/)
  })

  it('says which Node is needed', async () => {
    const pretend = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"18.20.0"})'
    await assert.rejects(ensure(['--import', pretend]), { code: 1, stderr: /error: this is Node 18\.20\.0; Node 20/ })
    assert.ok(!existsSync(join(root, 'node_modules')))
  })

  it('says that a checkout without its lockfile is incomplete', async () => {
    await rm(join(root, 'package-lock.json'))
    await assert.rejects(ensure(), { code: 1, stderr: /package-lock\.json is missing/ })
  })
})

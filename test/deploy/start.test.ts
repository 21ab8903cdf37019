/**
 * What the images do, without an engine for them: the context as .dockerignore leaves it, the secrets as make-secrets.sh makes them, the
 * databases as databases.sh makes them, and the commands of the container file with the environment of the compose file. Only the
 * addresses are other ones.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { databaseMigrations } from '@rekey/database'
import { eventually, freePort, startTestServer, type TestServer } from '@rekey/database/testing'
import { root } from '../repository.ts'
import { compose, interpolated } from './compose.ts'
import { stepsOf } from './container-file.ts'
import { contextOf } from './context.ts'

describe('what the images are made of', () => {
  let server: TestServer
  let folder: string
  let ports: { idp: number; bff: number }
  const running: ChildProcess[] = []
  const output: Record<string, string> = {}
  const inside = (...parts: string[]) => join(folder, ...parts)

  before(async () => {
    server = await startTestServer([databaseMigrations])
    folder = await mkdtemp(join(tmpdir(), 'deploy-'))
    ports = { idp: await freePort(), bff: await freePort() }
    await unpack()
    const env = { ...process.env, POSTGRES_HOST: new URL(server.adminUrl).host }
    execFileSync('sh', [join(root, 'deploy/make-secrets.sh'), inside('run/secrets')], { env })
  })
  after(async () => {
    for (const child of running) child.kill('SIGKILL')
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** The context, and what `npm ci` puts beside it. */
  async function unpack(): Promise<void> {
    for (const path of contextOf(root)) await cp(join(root, path), inside('app', path))
    for (const made of ['keys', 'state', 'state/idp', 'state/bff']) await mkdir(inside('app', made), { mode: 0o700 })
    for (const name of await readdir(join(root, 'node_modules'))) {
      if (name === '@rekey' || name.startsWith('.')) continue
      await mkdir(inside('app/node_modules'), { recursive: true })
      await symlink(join(root, 'node_modules', name), inside('app/node_modules', name))
    }
    await mkdir(inside('app/node_modules/@rekey'))
    for (const name of await readdir(join(root, 'packages'))) {
      await symlink(inside('app/packages', name), inside('app/node_modules/@rekey', name))
    }
  }

  /** A command of the host that a machine may not have. */
  async function command(name: 'psql' | 'curl'): Promise<string> {
    const path = inside('bin', name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${join(import.meta.dirname, `${name}.ts`)}" "$@"\n`)
    await chmod(path, 0o755)
    return path
  }

  it('makes the databases and the roles of each service', async () => {
    const shim = await command('psql')
    const env = {
      PATH: `${dirname(shim)}:${process.env.PATH}`,
      SECRETS: inside('run/secrets'),
      DATABASE: server.adminUrl,
    }
    // The server of tests comes with one of that name.
    execFileSync(shim, { env, input: 'DROP DATABASE IF EXISTS rekey_bff;\n' })
    const script = join(root, 'deploy/postgres/databases.sh')
    execFileSync('sh', [script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const text = await readFile(script, 'utf8')
    assert.doesNotMatch(text, /PGPASSWORD|--password/)
  })

  const atPorts = (text: string) =>
    text
      .replaceAll(/(?:idp|localhost):8002/g, `localhost:${ports.idp}`)
      .replaceAll(/(?:bff|localhost):8000/g, `localhost:${ports.bff}`)

  /** The environment of a service, with the addresses of this machine. */
  function environmentOf(service: 'idp' | 'bff'): Record<string, string> {
    const given = compose().services[service]?.environment ?? {}
    const here = (value: string) =>
      interpolated(value)
        .replaceAll('/run/secrets', inside('run/secrets'))
        // A volume each.
        .replaceAll('/app/state/', `${inside('app/state', service)}/`)
        .replaceAll('/app/', `${inside('app')}/`)
        .replaceAll('/etc/rekey-bff', join(root, 'deploy/bff'))
        .replaceAll('/etc/rekey-idp', join(root, 'deploy/idp'))
        .replace(/^0\.0\.0\.0$/, '127.0.0.1')
    const moved = (value: string) => atPorts(here(value))
    const env = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, moved(value)]))
    return { ...env, REKEY_PORT: String(ports[service]) }
  }

  async function start(service: 'idp' | 'bff'): Promise<void> {
    const file = await readFile(join(root, 'deploy/Containerfile'), 'utf8')
    const command = stepsOf(file).find(({ stage, keyword }) => stage === service && keyword === 'CMD')
    const child = spawn(process.execPath, JSON.parse(command?.text ?? '[]'), {
      cwd: inside('app'),
      env: environmentOf(service),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.push(child)
    const keep = (chunk: Buffer) => {
      output[service] = (output[service] ?? '') + chunk.toString()
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
  }

  const isReady = async (service: 'idp' | 'bff', child: ChildProcess | undefined): Promise<boolean> => {
    assert.equal(child?.exitCode, null, output[service])
    const reply = await fetch(`http://localhost:${ports[service]}/readyz`).catch(() => undefined)
    await reply?.body?.cancel()
    return reply?.status === 200
  }

  async function startUntilReady(service: 'idp' | 'bff'): Promise<void> {
    await start(service)
    await eventually(
      () => isReady(service, running.at(-1)),
      (ready) => ready,
    )
  }

  /** Runs shell commands where the secrets are, with the executable that is in the images. */
  const shell = async (script: string, env: Record<string, string> = {}): Promise<string> => {
    const { stdout } = await promisify(execFile)('sh', ['-euc', script], {
      cwd: inside('run'),
      env: { PATH: `${inside('bin')}:${dirname(process.execPath)}:${process.env.PATH}`, ...env },
    })
    return stdout
  }

  it('starts the idp until it is ready', () => startUntilReady('idp'))

  it('issues by the commands of the README what the others authenticate by', async () => {
    await symlink(inside('app/packages/cli/bin/rekey.js'), inside('bin/rekey'))
    await command('curl')
    const readme = await readFile(join(root, 'deploy/README.md'), 'utf8')
    const blocks = [...readme.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block)
    const issuing = blocks.filter((block) => block.includes('> secrets/'))
    assert.equal(issuing.length, 2)
    await shell(atPorts(issuing.join('\n')))
    for (const name of ['oidc-client-secret', 'api-trust-secret']) {
      assert.match(await readFile(inside('run/secrets', name), 'utf8'), /^sk_live_[\w-]{40,}\n$/, name)
    }
  })

  it('starts the bff until it is ready, where operators are known by tokens of the idp', async () => {
    await startUntilReady('bff')
    const token = await shell(
      'REKEY_CLIENT_SECRET="$(cat secrets/idp-admin-secret)" rekey token --scope keyrings:read',
      { REKEY_IDP: `http://localhost:${ports.idp}`, REKEY_CLIENT_ID: 'admin' },
    )
    const headers = { authorization: `Bearer ${token.trim()}` }
    const reply = await fetch(`http://localhost:${ports.bff}/internal/keyrings`, { headers })
    assert.equal(reply.status, 200, await reply.text())
    const login = await fetch(`http://localhost:${ports.bff}/auth/login`, { redirect: 'manual' })
    assert.equal(new URL(login.headers.get('location') ?? '').host, `localhost:${ports.idp}`)
    const metrics = await (await fetch(`http://localhost:${ports.bff}/metrics`)).text()
    assert.match(metrics, /^bff_client_secret_position -?\d$/m)
  })

  it('is administered by the commands of the README', async () => {
    const readme = await readFile(join(root, 'deploy/README.md'), 'utf8')
    const [, issuing = ''] = /```sh\n(export REKEY_IDP.*?\n)TOKEN/s.exec(readme) ?? []
    const [, commands = ''] = /```sh\n(export REKEY_BFF.*?)rekey verify/s.exec(readme) ?? []
    const said = await shell(atPorts(`${issuing}${commands}rekey audit verify --bff`))
    for (const name of ['session', 'token-hash', 'csrf']) assert.ok(said.includes(`Keyring ${name} `), said)
  })

  it('replaces the key of the bff from within its container', async () => {
    await shell('rekey bff rotate-keys', { BFF_KEYS_DIR: inside('app/keys') })
    assert.ok((await readdir(inside('app/keys'))).some((name) => name.endsWith('.pem')))
  })

  it('keeps every secret out of the environment of the processes, and out of what they say', async () => {
    const names = await readdir(inside('run/secrets'))
    const secrets = await Promise.all(names.map((name) => readFile(inside('run/secrets', name), 'utf8')))
    for (const child of running) {
      const environ = await readFile(`/proc/${child.pid}/environ`, 'utf8')
      for (const secret of secrets) assert.ok(!environ.includes(secret.trim()))
    }
    const said = Object.values(output).join('')
    assert.ok(said.includes('ready'))
    for (const secret of secrets) assert.ok(!said.includes(secret.trim()))
  })

  it('ends by the signal that an engine sends', async () => {
    for (const child of running.reverse()) {
      assert.equal(child.exitCode, null)
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      const [code] = await exit
      assert.equal(code, 0, Object.values(output).join('\n').slice(-2_000))
    }
  })
})

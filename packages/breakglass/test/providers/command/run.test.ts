import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { BreakGlassError } from '../../../src/error.ts'
import type { Command } from '../../../src/providers/command/config.ts'
import { type Run, runCommand } from '../../../src/providers/command/run.ts'
import { answering, emptyFolder, program } from './scripts.ts'

function runOf(command: Command, more: Partial<Run> = {}): Run {
  const env = { PATH: process.env.PATH }
  return { name: 'promote', command, home: '/', env, signal: new AbortController().signal, onText: () => {}, ...more }
}

async function failureOf(run: Run, document: unknown = {}): Promise<BreakGlassError> {
  const failure = await runCommand(run, document).then(
    (reply) => assert.fail(`it answered ${reply}`),
    (error: unknown) => error,
  )
  assert.ok(failure instanceof BreakGlassError, String(failure))
  return failure
}

/** Whether a process of this id is there still. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function untilGone(pid: number): Promise<void> {
  for (let tries = 0; isAlive(pid) && tries < 200; tries++) await pause(20)
  assert.ok(!isAlive(pid), `the process ${pid} is there still`)
}

describe('a command', () => {
  it('gets its document on stdin and answers on stdout', async () => {
    const reply = await runCommand(runOf(answering('return { saw: asked.plan.kid }')), { plan: { kid: 'k1' } })
    assert.deepEqual(JSON.parse(reply), { saw: 'k1' })
  })

  it('sees of the environment only PATH and what is named', async () => {
    const env = { PATH: process.env.PATH, KC_PASSWORD: 'of-the-provider', DATABASE_URL: 'of-somebody-else' }
    const command = answering('return process.env', { env: ['KC_PASSWORD'] })
    const seen = JSON.parse(await runCommand(runOf(command, { env }), {}))
    assert.equal(seen.KC_PASSWORD, 'of-the-provider')
    assert.equal(seen.PATH, process.env.PATH)
    assert.equal(seen.DATABASE_URL, undefined)
    assert.equal(seen.HOME, undefined)
  })

  it('is no shell: what stands in its arguments is text', async (t) => {
    const home = await emptyFolder(t)
    const command: Command = {
      run: [
        process.execPath,
        '-e',
        'process.stdout.write(JSON.stringify(process.argv.slice(1)))',
        '$(touch made); `id`',
      ],
      timeoutSeconds: 10,
      env: [],
    }
    assert.deepEqual(JSON.parse(await runCommand(runOf(command, { home }), {})), ['$(touch made); `id`'])
    await assert.rejects(readFile(join(home, 'made')), { code: 'ENOENT' })
  })

  it('runs in the folder of its file, where a relative program is looked for', async (t) => {
    const home = await emptyFolder(t)
    await writeFile(join(home, 'where'), '#!/bin/sh\npwd\n')
    await chmod(join(home, 'where'), 0o700)
    const reply = await runCommand(runOf({ run: ['./where'], timeoutSeconds: 10, env: [] }, { home }), {})
    assert.equal(reply.trim(), home)
  })

  it('may end without reading what it was given', async () => {
    const large = { plan: 'x'.repeat(1_000_000) }
    assert.equal(await runCommand(runOf(program('process.stdin.destroy(); process.stdout.write("{}")')), large), '{}')
  })

  it('that is not there fails, and says so', async () => {
    const failure = await failureOf(runOf({ run: ['no-such-program-anywhere'], timeoutSeconds: 10, env: [] }))
    assert.equal(failure.code, 'COMMAND_FAILED')
    assert.match(failure.message, /promote cannot be started: ENOENT/)
  })

  it('that ends with another code than 0 fails with the last lines that it wrote', async () => {
    const code = 'for (let n = 1; n <= 9; n++) console.error("line", n); process.exitCode = 3'
    const failure = await failureOf(runOf(program(code)))
    assert.equal(failure.code, 'COMMAND_FAILED')
    assert.match(failure.message, /promote ended with 3: line 5 \/ line 6 \/ line 7 \/ line 8 \/ line 9$/)
    assert.equal(failure.facts.exit, 3)
  })

  it('that ends with 75 says that its provider is away, which is waited for', async () => {
    const failure = await failureOf(runOf(program('console.error("realm is down"); process.exitCode = 75')))
    assert.equal(failure.code, 'PROVIDER_UNREACHABLE')
    assert.match(failure.message, /realm is down/)
  })

  it('that dies by a signal fails, whatever it had answered', async () => {
    const code = 'process.stdout.write("{}", () => process.kill(process.pid, "SIGKILL"))'
    const failure = await failureOf(runOf(program(code)))
    assert.equal(failure.code, 'COMMAND_FAILED')
    assert.match(failure.message, /was ended by SIGKILL/)
  })

  it('that answers without an end is ended', async () => {
    const code = 'const chunk = "x".repeat(65536); (function on() { process.stdout.write(chunk, on) })()'
    const failure = await failureOf(runOf(program(code)))
    assert.equal(failure.code, 'COMMAND_FAILED')
    assert.match(failure.message, /answered more than can be read/)
  })

  it('wants a variable that is not set: it does not run', async () => {
    const failure = await failureOf(runOf(program('', { env: ['KC_PASSWORD'] })))
    assert.match(failure.message, /KC_PASSWORD is not set/)
  })
})

describe('a command that does not end', () => {
  const parent = (child: string) => `
    const { spawn } = require('node:child_process')
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.once('data', () => console.error('started', child.pid))
    setInterval(() => {}, 1000)`
  const stubborn = 'process.on("SIGTERM", () => {}); process.stdout.write("x"); setInterval(() => {}, 1000)'
  const started = /started (\d+)/

  it('is ended after its time, with everything that it started', async () => {
    let child = 0
    const onText = (line: string) => {
      child = Number(started.exec(line)?.[1])
    }
    const failure = await failureOf(runOf(program(parent(stubborn), { timeoutSeconds: 1 }), { onText }))
    assert.equal(failure.code, 'COMMAND_FAILED')
    assert.match(failure.message, /promote did not end within 1 s/)
    assert.ok(child > 0, 'it had started a child')
    await untilGone(child)
  })

  it('is ended with everything that it started when the procedure is interrupted', async () => {
    const interruption = new AbortController()
    let child = 0
    const onText = (line: string) => {
      child = Number(started.exec(line)?.[1])
      interruption.abort()
    }
    const failure = await failureOf(runOf(program(parent(stubborn)), { onText, signal: interruption.signal }))
    assert.equal(failure.code, 'INTERRUPTED')
    await untilGone(child)
  })

  it('is killed when it does not let itself be told', async () => {
    const interruption = new AbortController()
    const code = 'process.on("SIGTERM", () => {}); console.error(process.pid); setInterval(() => {}, 1000)'
    let pid = 0
    const onText = (line: string) => {
      pid = Number(/\d+/.exec(line)?.[0])
      interruption.abort()
    }
    const failure = await failureOf(runOf(program(code), { onText, signal: interruption.signal }))
    assert.equal(failure.code, 'INTERRUPTED')
    await untilGone(pid)
  })

  it('is not begun when the procedure is interrupted already', async () => {
    const failure = await failureOf(
      runOf(program('console.error("ran")'), {
        signal: AbortSignal.abort(),
        onText: () => assert.fail('it ran'),
      }),
    )
    assert.equal(failure.code, 'INTERRUPTED')
  })

  it('by a process that it leaves behind keeps nobody waiting, and what stays in its group is ended', async () => {
    const code = `
      const { spawn } = require('node:child_process')
      const stdio = ['ignore', 'inherit', 'inherit']
      const sleep = ['-e', 'setTimeout(() => {}, 60000)']
      const apart = spawn(process.execPath, sleep, { stdio, detached: true })
      const child = spawn(process.execPath, sleep, { stdio })
      console.log(JSON.stringify([apart.pid, child.pid]))
      apart.unref(), child.unref()`
    const [apart, child] = JSON.parse(await runCommand(runOf(program(code)), {}))
    try {
      await untilGone(child)
      assert.ok(isAlive(apart), 'who left the group is his own master')
    } finally {
      process.kill(apart, 'SIGKILL')
    }
  })
})

describe('what a command writes to stderr', () => {
  it('is passed on line by line, without what could be a secret', async () => {
    const token = `eyJhbGciOiJFUzI1NiJ9.${'a'.repeat(40)}.${'b'.repeat(40)}`
    const lines: string[] = []
    const code = `
      console.error('\\u001b[31mlogged in\\u001b[0m as ops')
      console.error('password is ' + process.env.KC_PASSWORD)
      console.error('got ${token}')
      process.exitCode = 1`
    const env = { PATH: process.env.PATH, KC_PASSWORD: 'correct horse battery' }
    const command = program(code, { env: ['KC_PASSWORD'] })
    const failure = await failureOf(runOf(command, { env, onText: (line) => lines.push(line) }))
    assert.equal(lines[0], 'promote: logged in  as ops')
    const everything = `${lines.join('\n')}${failure.message}${JSON.stringify(failure.facts)}`
    assert.ok(!/horse|eyJhbGci|\p{Cc}(?<!\n)/u.test(everything), everything)
    assert.match(failure.message, /password is <redacted>/)
  })

  it('may be a private key, of which nothing is shown', async () => {
    const code = `
      const { privateKey } = require('node:crypto').generateKeyPairSync('ec', { namedCurve: 'P-256' })
      console.error(privateKey.export({ type: 'pkcs8', format: 'pem' }) + 'and then')
      process.exitCode = 1`
    const failure = await failureOf(runOf(program(code)))
    assert.match(failure.message, /and then$/)
    assert.doesNotMatch(failure.message, /[A-Za-z0-9+/]{30}/)
  })

  it('may be endless without a line: only so much is kept', async () => {
    const lines: string[] = []
    const code = 'process.stderr.write("x".repeat(5_000_000), () => process.exit(1))'
    const failure = await failureOf(runOf(program(code), { onText: (line) => lines.push(line) }))
    assert.equal(lines.length, 1)
    assert.ok(failure.message.length < 1_000)
  })
})

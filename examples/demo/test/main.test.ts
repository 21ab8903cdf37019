import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../src/main.ts', import.meta.url))

describe('the demo', () => {
  it('leaves no process and no folder behind when it is interrupted', { timeout: 120_000 }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-test-'))
    chmodSync(folder, 0o711)
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const demo = spawn(process.execPath, [entry], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => demo.kill('SIGKILL'))
    const exited = once(demo, 'exit')
    for await (const line of createInterface(demo.stdout)) {
      if (!line.includes('rotation of signing-rs256 asked for')) continue
      // PostgreSQL, two identity providers and four APIs at least.
      if (process.platform === 'linux') assert.ok(processesOf(folder).length >= 7)
      demo.kill('SIGINT')
    }
    assert.deepEqual(await exited, [130, null])
    assert.deepEqual(readdirSync(folder), [])
    if (process.platform === 'linux') assert.deepEqual(processesOf(folder), [])
  })

  it('says what is wrong with its arguments and starts nothing', async () => {
    const demo = spawn(process.execPath, [entry, '--jsn', 'x'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    demo.stdout.on('data', (chunk) => {
      text += chunk
    })
    assert.deepEqual(await once(demo, 'close'), [1, null])
    assert.match(text, /--jsn/)
  })
})

/** Every process that was told of a folder, by its arguments or its environment. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    return ['cmdline', 'environ'].some((file) => readIfThere(`/proc/${pid}/${file}`).includes(folder))
  })
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    // Ended meanwhile, or somebody else's.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw error
  }
}

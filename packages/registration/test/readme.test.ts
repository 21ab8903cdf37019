import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { atModern } from './at-modern.ts'

const run = promisify(execFile)
const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
const examples = [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, text = '']) => text)

describe('the README', () => {
  const at = atModern()

  it('has an example by options that registers a client as it stands there, but for its places', async () => {
    const { folder, idp } = at.setting
    const example = (examples[0] ?? '')
      .replace('https://idp.example.com', idp)
      .replace('/app/keys', folder)
      .replace("'@rekey/registration'", `'${new URL('../src/index.ts', import.meta.url)}'`)
    const file = join(folder, 'example.ts')
    await writeFile(file, example)
    const env = { ...process.env, DCR_IAT: await at.modern.behind.iat() }
    const first = await run(process.execPath, [file], { env })
    assert.match(first.stdout, /^\S+ signs by shop: registered$/m)
    const again = await run(process.execPath, [file], { env })
    assert.match(again.stdout, /signs by shop: unchanged$/m)
  })

  it('names every code of an error', async () => {
    const source = await readFile(new URL('../src/error.ts', import.meta.url), 'utf8')
    const codes = [...source.matchAll(/^ {2}\| '([A-Z_]+)'$/gm)].map(([, code]) => code)
    assert.equal(codes.length, 12)
    for (const code of codes) assert.ok(readme.includes(`\`${code}\``), code)
  })
})

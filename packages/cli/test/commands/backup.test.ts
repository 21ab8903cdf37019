import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../folder.ts'
import { run } from '../shell.ts'

const folder = temporaryFolder()

for (const words of [['backup', 'verify'], ['restore']]) {
  test(`rekey ${words.join(' ')} of a file that is not there is wrong use, and says which file`, async () => {
    const file = join(folder, 'none.backup')
    const { code, stdout, stderr } = await run([...words, file, '--json'], { REKEY_HOME: folder })
    assert.equal(code, 2)
    assert.ok(stderr.startsWith(`rekey: ${file} cannot be read (ENOENT)`), stderr)
    assert.equal(JSON.parse(stdout).code, 'WRONG_USE')
  })

  test(`rekey ${words.join(' ')} of a file that is no backup fails, and says so`, async () => {
    const file = join(folder, 'other.backup')
    writeFileSync(file, 'something else')
    const { code, stderr } = await run([...words, file], { REKEY_HOME: folder })
    assert.equal(code, 1)
    assert.match(stderr, /other\.backup is no backup/)
  })
}

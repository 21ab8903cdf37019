import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { newFolder, RunningApi } from './api.ts'
import { AnyIssuer, AUDIENCE, ISSUER } from './issuer.ts'
import { packed } from './packed.ts'
import { blocksOf, blockWith } from './readme.ts'

const run = promisify(execFile)
const { nodes } = packed()
const oldest = String(nodes[20])
const SECRET = 'the-secret-that-operators-present'

const code = blocksOf('verifier', 'js')
const commands = blocksOf('verifier', 'sh')

/** A command of the README, against one API, as if it had been written a moment ago. */
async function command(needle: string, api: RunningApi, change = (text: string) => text) {
  const written = blockWith(commands, needle)
  const text = written
    .replace(/http:\/\/[\w.-]+(?=\/internal)/, api.url)
    .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/, new Date().toISOString())
  assert.ok(text.includes(api.url))
  const env = { ...process.env, INTERNAL_JWKS_REFRESH_TOKEN: SECRET }
  const { stdout } = await run(
    'sh',
    ['-c', change(text.trim().replace(/^curl /, `curl --write-out '\\n%{http_code}' `))],
    { env },
  )
  const end = stdout.lastIndexOf('\n')
  const body = stdout.slice(0, end)
  return { status: Number(stdout.slice(end)), body: body === '' ? undefined : JSON.parse(body) }
}

const kidInReadme = /"kid":"([^"]+)"/.exec(blockWith(commands, '/internal/auth/deny'))?.[1] ?? ''
const subInReadme = /"sub":"([^"]+)"/.exec(blockWith(commands, '/internal/auth/deny'))?.[1] ?? ''

for (const framework of ['express', 'fastify', 'hono']) {
  describe(`the API of the README for ${framework}, on Node 20`, { timeout: 60_000 }, () => {
    let issuer: AnyIssuer
    let api: RunningApi
    let place = ''

    before(async () => {
      issuer = await AnyIssuer.listen(kidInReadme, 'withdrawn', 'kept')
      place = newFolder(framework, blockWith(code, `// ${framework}.js`))
      api = await start()
    })
    after(async () => {
      await api?.stop()
      issuer.close()
    })

    const env = () => ({
      REKEY_JWT_ISSUER: ISSUER,
      REKEY_JWT_AUDIENCE: AUDIENCE,
      REKEY_JWT_JWKS_URL: issuer.jwksUri,
      INTERNAL_JWKS_REFRESH_TOKEN: SECRET,
    })
    const start = () => RunningApi.start(place, oldest, env(), issuer.token('kept', 'agent-1'))
    const verdict = async (kid: string, sub: string) => {
      const { status, body } = await api.hello(issuer.token(kid, sub))
      return status === 200 ? body.hello : `${status} ${body.code}`
    }

    it('lets good tokens in, and nobody without one', async () => {
      assert.equal(await verdict(kidInReadme, 'agent-1'), 'agent-1')
      assert.equal((await api.hello()).status, 401)
    })

    it('says in its log which keys it began with', () => {
      assert.match(api.output, /JWKS bootstrap: trust held/)
      for (const kid of [kidInReadme, 'withdrawn', 'kept']) assert.ok(api.output.includes(kid), kid)
    })

    it('is refreshed by curl: a key that the issuer withdrew is refused from then on', async () => {
      issuer.withdraw('withdrawn')
      assert.equal(await verdict('withdrawn', 'agent-1'), 'agent-1')
      const { status, body } = await command('/jwks/refresh', api)
      assert.deepEqual([status, body.issuer, body.removed], [200, ISSUER, ['withdrawn']])
      assert.equal(await verdict('withdrawn', 'agent-1'), '401 key_retired')
    })

    it('obeys nobody who does not know the secret', async () => {
      const stranger = (text: string) => text.replace('$INTERNAL_JWKS_REFRESH_TOKEN', 'guessed')
      assert.equal((await command('/jwks/refresh', api, stranger)).status, 401)
      assert.equal((await command('/internal/auth/deny', api, stranger)).status, 401)
    })

    it('is told by curl what to deny, and still knows it after a restart', async () => {
      assert.ok((await command('/internal/auth/deny', api)).status < 300)
      for (const _ of ['at once', 'after the restart']) {
        assert.equal(await verdict(kidInReadme, 'agent-1'), '401 key_revoked')
        assert.equal(await verdict('kept', subInReadme), '401 token_denied')
        assert.equal(await verdict('kept', 'agent-1'), 'agent-1')
        await api.stop()
        api = await start()
      }
    })

    it('lists what is denied, and takes it back', async () => {
      const list = (text: string) => text.replace('-X POST', '-X GET').replace(/-d '[^']*'/, '')
      const listed = await command('/internal/auth/deny', api, list)
      assert.equal(listed.body.entries.length, 2)
      const entries = listed.body.entries.map(({ origin, until, ...entry }: Record<string, unknown>) => entry)
      const body = JSON.stringify({ entries })
      const back = (text: string) => text.replace('-X POST', '-X DELETE').replace(/-d '[^']*'/, () => `-d '${body}'`)
      assert.ok((await command('/internal/auth/deny', api, back)).status < 300)
      assert.equal(await verdict('kept', subInReadme), subInReadme)
    })
  })
}

describe('the first lines of a README', { timeout: 60_000 }, () => {
  it('of the verifier are an API', async () => {
    const issuer = await AnyIssuer.listen('one')
    const lines = String(code[0]).replace(/jwksUri: '[^']+'/, `jwksUri: '${issuer.jwksUri}'`)
    const program = `import express from 'express'\nconst app = express()\n${lines}\napp.listen(process.env.PORT)\n`
    const api = await RunningApi.start(newFolder('first', program), oldest, {}, issuer.token('one', 'agent-1'))
    assert.deepEqual((await api.hello(issuer.token('one', 'agent-1'))).body, { hello: 'agent-1' })
    assert.equal((await api.hello()).status, 401)
    await api.stop()
    issuer.close()
  })

  it('of redact print what they say they print', async () => {
    const [lines = ''] = blocksOf('redact', 'ts')
    const promised = [...lines.matchAll(/^console\.log\(.*\) \/\/ (.+)$/gm)].map(([, text]) => `${text}\n`)
    assert.ok(promised.length > 0, lines)
    const { stdout } = await run(oldest, ['api.js'], { cwd: newFolder('redact', lines) })
    assert.equal(stdout, promised.join(''))
  })
})

/** As much of curl as AgentIdP's runbook uses, for machines that have none: `curl -sS -X METHOD -H HEADER -d BODY URL`. */
import { parseArgs } from 'node:util'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', short: 's' },
    'show-error': { type: 'boolean', short: 'S' },
    request: { type: 'string', short: 'X' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string', short: 'd' },
  },
})
const headers = values.header.map((line) => line.split(/:\s*/, 2) as [string, string])
const { request: method = values.data === undefined ? 'GET' : 'POST', data: body = null } = values
const reply = await fetch(positionals[0] ?? '', { method, headers, body })
process.stdout.write(`${await reply.text()}\n`)

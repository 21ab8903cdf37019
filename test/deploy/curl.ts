/** As much of curl as deploy/README.md uses, for machines that have none: `curl -sS --fail-with-body URL -H HEADER -d BODY`. */
import { parseArgs } from 'node:util'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', short: 's' },
    'show-error': { type: 'boolean', short: 'S' },
    'fail-with-body': { type: 'boolean' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string', short: 'd' },
  },
})
const headers = values.header.map((line) => line.split(/:\s*/, 2) as [string, string])
const reply = await fetch(positionals[0] ?? '', { method: 'POST', headers, body: values.data ?? null })
process.stdout.write(await reply.text())
if (!reply.ok && values['fail-with-body']) process.exitCode = 22

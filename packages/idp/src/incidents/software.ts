import { readFileSync } from 'node:fs'

/** What evidence says it was made by: `@rekey/idp/0.1.0`. */
export function software(): string {
  const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return `${name}/${version}`
}

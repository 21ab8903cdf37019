import { readFileSync } from 'node:fs'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

/** For example `0.1.0`. */
export const version: string = manifest.version

/** What evidence says it was made by: `rekey/0.1.0`. */
export const software = `${manifest.name}/${version}`

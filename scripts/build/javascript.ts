import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import { brotliCompressSync } from 'node:zlib'
import type { Plugin } from 'rollup'
import { minify } from 'terser'

/** Hands over what the compiler made of a source, with the way back to that source. */
export const compiled: Plugin = {
  name: 'compiled',
  load: (id) => ({ code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') }),
}

/** The dashboard’s page in less than half the room; to unpack it takes less than a millisecond. */
export const packedPage: Plugin = {
  name: 'packed-page',
  transform(code, id) {
    if (!id.endsWith('/dashboard/page.js')) return undefined
    const [literal] = /(?<=\bPAGE = )'(?:[^'\\]|\\.)*'/.exec(code) ?? []
    if (literal === undefined) throw new Error('The dashboard has no page')
    const bytes = brotliCompressSync(String(runInNewContext(literal))).toString('base64')
    const unpacking = `brotliDecompressSync(Buffer.from('${bytes}', 'base64')).toString()`
    const packed = `import { brotliDecompressSync } from 'node:zlib'\n${code.replace(literal, () => unpacking)}`
    return { code: packed, map: { mappings: '' } }
  },
}

/** Shortens what nobody sees. Names of classes stay: errors and stack traces show them. */
export const small: Plugin = {
  name: 'small',
  async renderChunk(code) {
    const { code: minified = '', map = '' } = await minify(code, {
      module: true,
      ecma: 2020,
      keep_classnames: true,
      compress: { passes: 2, unsafe_arrows: true },
      sourceMap: true,
    })
    return { code: minified, map: typeof map === 'string' ? map : JSON.stringify(map) }
  },
}

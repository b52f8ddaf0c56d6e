/** Scripts are bundled as text (scripts/build.js, vitest.config.ts). */
declare module '*.sh' {
  const text: string;
  export default text;
}
declare module '*.ps1' {
  const text: string;
  export default text;
}

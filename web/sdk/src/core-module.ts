/** The module of the protocol alone. */

import { GZIPPED, makeGlue } from "./inline-core.js";
import { Loader } from "./loader.js";

export const module = /* @__PURE__ */ new Loader({ GZIPPED, makeGlue });

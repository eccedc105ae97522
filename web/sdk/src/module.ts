/** The module of the client. */

import { GZIPPED, makeGlue } from "./inline.js";
import { Loader } from "./loader.js";

export const module = /* @__PURE__ */ new Loader({ GZIPPED, makeGlue });

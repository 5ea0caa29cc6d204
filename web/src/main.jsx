import "@graphiql/react/setup-workers/vite";
import "./styles.js";
import "@graphiql/plugin-doc-explorer/style.css";
import "./panels.css";
import { createRoot } from "react-dom/client";
import { GraphiqlPage } from "./page.jsx";

createRoot(document.getElementById("page")).render(<GraphiqlPage />);

import { createContext, useContext } from "react";

const Client = createContext(null);

export const ClientProvider = Client.Provider;
export const useClient = () => useContext(Client);
